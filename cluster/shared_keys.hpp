// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/keys.hpp"
#include "cluster/range_follower.hpp"
#include "cluster/shared_key_record.hpp"

#include <span>

namespace shoal::cluster {

/// How one of the cluster's secrets lives.
struct shared_key_config {
  std::string name;                     ///< Below shoal/keys/.
  std::chrono::seconds rotate_every{0}; ///< Since this generation was first seen; 0: never.

  /// Nobody issues under a new generation before so long: all nodes must accept it by then.
  std::chrono::seconds notice{10};

  /// A generation is accepted for so long after nobody issues under it any more.
  std::chrono::seconds accept{0};
};

/// The secrets that nodes need in common, so that each verifies what another issued.
namespace shared_key {

/// UDP connection ids live four minutes (BEP 15); another one is for clocks that differ.
inline const shared_key_config udp{"udp", std::chrono::hours{24}, std::chrono::seconds{10},
                                   std::chrono::minutes{5}};
/// TLS session tickets.
inline const shared_key_config tickets{"tickets", std::chrono::hours{4}, std::chrono::seconds{10},
                                       std::chrono::hours{4}};
/// Passkeys stand in torrents that people keep: never by itself.
inline const shared_key_config passkeys{
    "passkeys", {}, std::chrono::seconds{10}, std::chrono::hours{24 * 30}};
/// Signatures of manifests, which are good for a month more.
inline const shared_key_config signing{"signing", std::chrono::hours{24 * 90},
                                       std::chrono::seconds{10}, std::chrono::hours{24 * 30}};
/// Sessions of SwarmUI's clients; their life is a setting, and `accept` covers it.
inline const shared_key_config sessions{"sessions", std::chrono::hours{24 * 30},
                                        std::chrono::seconds{10}, std::chrono::hours{24 * 31}};
/// Identities of peers: another key would make strangers of them all.
inline const shared_key_config identities{"identities", {}, {}, {}};

} // namespace shared_key

/// What to issue under and what to accept at some moment. Never log it.
struct key_ring {
  key_generation current;
  std::vector<key_generation> others; ///< Accepted as well; the newest first.

  bool operator==(const key_ring&) const = default;
};

/// Keeps secrets in the coordination service: whoever comes first makes one, everybody follows, and
/// whoever first finds it old puts a new one before it, on the condition that nobody else has.
///
///     seen            + notice                 + accept
///     | issues: old   | issues: new            | issues: new
///     | accepts: both | accepts: both          | accepts: new
///
/// Times are counted on this node's monotonic clock from when it saw a generation. A node that has
/// just started issues under the newest one at once and accepts all that the record has for what is
/// left of their time: nodes note there how long they have known each, and take out what is over.
/// It believes the dates in the record only as to when the next rotation is due, and only once it
/// has watched for as long as what was replaced is good; nodes that start again more often than
/// that go by how long all of them have known the newest one. So clocks that differ do no harm.
/// Without the service all goes on with what is known. Sans I/O and single-threaded, like the
/// store.
class shared_keys final : range_follower::listener {
public:
  struct environment {
    std::function<mono_time()> now;
    std::function<unix_seconds()> wall;
    std::function<bool(std::span<uint8_t>)> draw;       ///< Random bytes; false: there are none.
    std::function<void(std::string_view name)> changed; ///< A ring has a new generation.
    std::function<void(std::string_view name, const error&)> failed; ///< For the log; no secrets.
  };

  struct config {
    std::vector<shared_key_config> keys;
    std::string prefix = "shoal/";
    range_follower::config follow;
    std::chrono::milliseconds timeout{1000}; ///< Of a write.
    std::chrono::milliseconds retry{2000};   ///< After a write, whatever became of it.
  };

  /// @param store outlives it.
  shared_keys(coordination::store& store, const config& settings, environment env);

  /// Does what is due: once a second or more often.
  void advance();

  /// @returns nothing as long as no generation of it has been seen.
  std::optional<key_ring> ring(std::string_view name) const;

private:
  struct known_generation {
    key_generation key;
    mono_time since; // When it began, as far as this node knows.
    mono_time seen;  // When a node saw it first, as far as this node knows.
  };

  struct item {
    shared_key_config config;
    std::vector<known_generation> generations; // The newest first.
    mono_time watched_since{};                 // When the newest one came to this process.
    shared_key_record record;                  // The last one that could be read,
    mono_time noted{};                         // and when it came.
    uint64_t revision = 0;                     // Of the key; 0: it does not exist.
    bool unreadable = false;                   // What stands there is not ours to overwrite.
    bool busy = false;
    mono_time next{};
    std::optional<mono_time> turn; // When this node does what is due.
  };

  void replaced(uint64_t revision, std::span<const coordination::key_value> keys) override;
  void changed(uint64_t revision, std::span<const coordination::watch_event> events) override;
  void went_back(uint64_t from, uint64_t to) override;

  void take(const coordination::key_value& kv, bool first_view);
  void adopt(item& x, const shared_key_record& record, bool first_view);
  std::chrono::seconds age_of(const key_generation& x) const;
  bool is_due(const item& x, mono_time now) const;
  bool is_note_due(const item& x, mono_time now) const;
  std::vector<recorded_generation> still_good(const item& x, mono_time now) const;
  static recorded_generation as_recorded(const known_generation& x, mono_time now);
  bool is_its_turn(item& x, mono_time now) const;
  void rotate(item& x, mono_time now);
  void write(item& x, const shared_key_record& record, mono_time now);
  bool is_accepted(const item& x, size_t index, mono_time now) const;
  item* find(std::string_view name);

  coordination::store& store_;
  config config_;
  environment env_;
  key_space space_;
  std::vector<item> items_; // Never grows: writes under way refer to places in it.
  range_follower follower_;
  bool seen_ = false; // There was a view.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Makes several secrets out of one. @param label says what for. @param bytes 0..255 * 32.
/// @source RFC 5869 section 2.3 (HKDF-Expand with SHA-256).
std::string derive_key(std::string_view secret, std::string_view label, size_t bytes);

} // namespace shoal::cluster
