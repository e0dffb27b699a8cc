// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_complaints.hpp"
#include "cluster/link_session.hpp"

#include <array>
#include <map>
#include <random>

namespace shoal::cluster {

/// What happened on all links together, for metrics.
struct link_totals {
  using by_reason = std::array<uint64_t, static_cast<size_t>(link_refusal::link_refusal_sentinel_)>;

  by_reason said{};             ///< Farewells of ours, by link_refusal.
  by_reason heard{};            ///< Farewells of others.
  uint64_t ups = 0;             ///< Links that came up.
  uint64_t downs = 0;           ///< Links that were up and went down.
  uint64_t dials = 0;           ///< Connections tried.
  uint64_t dropped_notices = 0; ///< Told to nodes without a link or without room.
};

/// One node's links without sockets: whom to dial when, who may come in, which of two connections
/// stays, and where messages go. Belongs to one thread. Listeners, handlers and callbacks may call
/// it.
class link_core final : private link_session::owner {
public:
  using clock = std::function<mono_time()>;
  /// Runs something on the core's thread; at once, if that is where it is called.
  using executor = std::function<void(std::function<void()>)>;

  struct dial {
    std::string node;
    std::string address;
    uint64_t attempt = 0;
    size_t turn = 0; ///< How often that address was dialed before.
  };

  link_core(link_identity self, link_timing timing, uint64_t seed, clock now, executor run);
  ~link_core() override;

  // -- for the layer above, see `links`

  /// If another process is registered under this node's name, it is dialed too, so that both say
  /// in their logs that they are two.
  void follow(std::vector<link_peer> peers);

  void call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
            links::callback then);
  void tell(const std::string& node, uint16_t kind, std::string body);
  void serve(uint16_t kind, links::handler who) { handlers_[kind] = std::move(who); }
  void listen(link_listener& who) { listeners_.push_back(&who); }

  /// Before the first link. By default all kinds are as old as the protocol.
  void tell_versions(kind_since since) { since_ = since; }

  /// Says farewell on all links and lets nobody in any more.
  void stop();

  // -- for the transport

  /// Whom to dial now. Each is followed by `dialed` or `dial_failed`.
  std::vector<dial> dials_due();
  /// When `dials_due` has something at the earliest.
  mono_time next_dial() const;
  std::shared_ptr<link_session> dialed(const dial& what, link_certificate certificate);
  void dial_failed(const dial& what, const error& why);
  std::shared_ptr<link_session> accepted(link_certificate certificate);
  /// Somebody who dialed had no valid certificate, did not like ours, or went before that.
  void stranger_lost(const error& why);

  const link_totals& totals() const { return totals_; }
  std::vector<link_numbers> numbers() const;

  /// Of all nodes that are followed.
  std::vector<link_peer_numbers> peer_numbers() const;

private:
  struct peer {
    link_peer record;
    std::shared_ptr<link_session> link; ///< That is up.
    uint64_t dialing = 0;               ///< The attempt under way, or the link's; 0: none.
    mono_time dial_at{};
    mono_time::duration backoff{0};
    size_t address = 0; ///< The next one to try.
    uint64_t ups = 0;
    link_numbers past; ///< Of links that have ended.
  };

  std::optional<link_rejection> judge(const link_session& from, const link_hello& x) override;
  void up(link_session& from) override;
  void down(link_session& from, const error& why) override;
  void request(link_session& from, uint64_t id, const link_message& x) override;
  void notice(link_session& from, const link_message& x) override;

  bool knows(const link_session& other, uint16_t kind) const {
    return other.version() >= since_(kind);
  }

  peer* find(const std::string& node);
  peer* claim(link_session& from);
  void plan_dial(peer& p, bool was_well);
  static link_numbers sum(const peer& p);
  void drop(peer& p);
  void complain(const std::string& node, const error& why, std::optional<link_refusal> reason);
  void report_up(const link_session& x) const;
  void report_down(const link_session& x, const error& why);

  const link_identity self_;
  const link_timing timing_;
  std::mt19937_64 random_;
  clock now_;
  executor run_;
  std::map<std::string, peer> peers_;
  std::map<uint16_t, links::handler> handlers_;
  kind_since since_ = [](uint16_t) { return protocol_first; };
  std::vector<link_listener*> listeners_;
  link_complaints complaints_;
  mono_time strangers_again_at_{}; ///< When the next stranger is worth a line.
  link_totals totals_;
  uint64_t attempts_ = 0;
  bool stopping_ = false;
};

} // namespace shoal::cluster
