// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/interval_policy.hpp"
#include "actors/rate_limiter.hpp"
#include "actors/swarm_directory.hpp"
#include "core/metrics.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// How a client talks to the tracker.
enum class transport : uint8_t { http, udp, ws };
inline constexpr size_t transport_count = 3;

std::string_view name(transport t);

/// What came over a transport since the start.
struct transport_totals {
  uint64_t announces4 = 0;
  uint64_t announces6 = 0;
  uint64_t scrapes = 0;
  uint64_t refused = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
};

/// Why a tracker request is refused: what metrics count and what each transport words in its form.
enum class refusal_kind : uint8_t {
  rate_limited,
  unauthorized,
  blocked,
  unregistered,
  bad_announce,
  banned,
};
inline constexpr size_t refusal_kind_count = 6;

std::string_view name(refusal_kind kind);

struct refusal {
  refusal_kind kind;
  std::string reason;                           ///< For the client.
  std::optional<std::chrono::minutes> retry_in; ///< @source BEP 31; retry_never is "never".
};

/// Rules that hold for every transport; validated by cmd/ before anything opens.
struct tracker_config {
  std::vector<std::string> secrets;     ///< What tracker_gate::secrets are at the start.
  bool open = false;                    ///< False: only registered info-hashes are tracked.
  std::vector<cidr> unlimited_networks; ///< Never rate-limited.
  double rate_per_second = defaults::rate_per_second; ///< Per address; 0 is no limit.
  double rate_burst = defaults::rate_burst;
  uint32_t interval_s = 1800;
  interval_config intervals; ///< As the swarms draw them.
  uint32_t interval_min_s = 900;
  uint32_t max_peers = defaults::max_peers; ///< In a reply.
};

/// Answers to tracker requests without a good passkey. @source Weightless, "Passkeys".
inline constexpr std::string_view passkey_wrong = "Unauthorized";
inline constexpr std::string_view passkey_missing
    = "Unauthorized: Passkey required in path (/announce/ID.SIG)";

/// The one way into the swarms, whatever the transport: passkey, rate limit, blocklist, registered
/// info-hashes only. Thread-safe; one per node.
class tracker_gate {
public:
  /// @param directory, registry outlive the gate.
  tracker_gate(tracker_config config, const swarm_directory& directory, const hash_key& secret,
               metrics::registry& registry);

  const tracker_config& config() const { return config_; }
  const rate_limiter& limiter() const { return limiter_; }

  /// Passkey secrets, current first; empty: no passkeys.
  const std::vector<std::string>& secrets() const {
    return *secrets_.load(std::memory_order_acquire);
  }

  /// Replaces them, for requests that come from now on. Empty ones change nothing: a private
  /// tracker does not open while it runs, nor does an open one close.
  void change_secrets(std::vector<std::string> secrets);

  /// Takes a token of the client's bucket.
  /// @returns false if there is none and the client's network has no exemption.
  bool within_rate(const ip_address& client, mono_time now) {
    return limiter_.unlimited() || contains(config_.unlimited_networks, client)
           || limiter_.allow(client, now);
  }

  /// Who may announce and scrape. Without a secret everybody may: a passkey is ignored then, as
  /// nothing vouches for the user that it names.
  /// @param passkey decoded, empty if there is none.
  /// @returns the account to book traffic on, empty for nobody's.
  tl::expected<std::string, refusal> check_passkey(std::string_view passkey) const;

  /// The checks that come before the request is looked at: rate, then passkey.
  tl::expected<std::string, refusal> admit(const ip_address& client, std::string_view passkey,
                                           mono_time now);

  /// Whether anybody may join the swarm; @returns what the directory knows of it.
  tl::expected<admission, refusal> enter(const info_hash& swarm) const;

  /// What `enter` says of a swarm that it does not know.
  static refusal unregistered() {
    return {
        refusal_kind::unregistered, "Unregistered torrent: info_hash not found in registry", {}};
  }

  /// The same number for the same client on any of its addresses and transports.
  /// @param key BEP 3's, empty if the client sent none; bytes beyond the limit are ignored.
  uint64_t identity_of(const peer_id& id, std::string_view key) const;

  /// What a client is told when no swarm answers in time: the node is overloaded, so it is the
  /// longest interval, and not the same for all who were told so together.
  uint32_t interval_unanswered_s() const;

  /// @param wanted what the client said, nothing for the default.
  uint32_t clamp_numwant(std::optional<uint32_t> wanted) const {
    return std::min(wanted.value_or(defaults::numwant), config_.max_peers);
  }

  // -- what is counted -----------------------------------------------------------------

  void count_announce(transport t, ip_family family) {
    announces_[index(t)][family == ip_family::v4 ? 0 : 1]->add();
  }
  void count_scrape(transport t) { scrapes_[index(t)]->add(); }
  void count_refusal(transport t, refusal_kind kind) {
    refused_by_transport_[index(t)]->add();
    refused(kind).add();
  }
  void count_unanswered() { unanswered_->add(); }
  void count_bytes(transport t, uint64_t received, uint64_t sent) {
    received_[index(t)]->add(received);
    sent_[index(t)]->add(sent);
  }

  /// From the request's arrival to its answer, in microseconds.
  void observe_announce(transport t, uint64_t took_us) { seconds_[index(t)]->observe_us(took_us); }

  /// shoal_refused_total for this reason, which REST routes share.
  metrics::counter& refused(refusal_kind kind) { return *refused_[static_cast<size_t>(kind)]; }

  transport_totals totals(transport t) const;
  uint64_t announces() const;
  uint64_t scrapes() const;

private:
  static size_t index(transport t) { return static_cast<size_t>(t); }
  void add_metrics(metrics::registry& registry);

  template <class T>
  using by_transport = std::array<T, transport_count>;

  tracker_config config_;
  std::mutex secrets_mutex_; // Of those who change them.
  // Whoever reads them holds no lock, so that those before stay: they change a few times a year.
  std::deque<std::vector<std::string>> all_secrets_;
  std::atomic<const std::vector<std::string>*> secrets_{&config_.secrets};
  const swarm_directory& directory_;
  hash_key secret_;
  rate_limiter limiter_;
  by_transport<std::array<metrics::counter*, 2>> announces_{}; // IPv4, IPv6.
  by_transport<metrics::counter*> scrapes_{};
  by_transport<metrics::counter*> refused_by_transport_{};
  by_transport<metrics::counter*> received_{};
  by_transport<metrics::counter*> sent_{};
  by_transport<metrics::histogram*> seconds_{};
  std::array<metrics::counter*, refusal_kind_count> refused_{};
  metrics::counter* unanswered_ = nullptr;
};

} // namespace shoal
