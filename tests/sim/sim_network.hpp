// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_core.hpp"
#include "tests/sim/timeline.hpp"

#include <map>
#include <set>

/// Links between simulated nodes: the real sessions and the real choice of whom to dial, over
/// connections that exist in virtual time only.
namespace shoal::sim {

class sim_network;

/// How long bytes take, and how they are cut.
struct wire_plan {
  duration delay_min = std::chrono::microseconds{100};
  duration delay_max = std::chrono::milliseconds{5};
  uint64_t bytes_per_second = 100'000'000;
  size_t piece_bytes_max = 16 * 1024;               ///< Arrive together, 1..
  size_t buffer_bytes = 256 * 1024;                 ///< Written and not yet read.
  duration dial_patience = std::chrono::seconds{2}; ///< When nobody answers.
};

/// One end of a connection.
struct wire_end {
  std::string host;
  std::shared_ptr<cluster::link_session> session; ///< Null once the end is closed.
  bool flush_planned = false;
  mono_time tick_at = mono_time::max();
  uint64_t under_way_bytes = 0; ///< To the other end.
  mono_time last_arrival{};
  std::vector<std::string> held; ///< Arrived at a wall, see `block`.
};

struct wire {
  std::array<wire_end, 2> ends;
  bool broken = false;
};

/// A node's place in the network.
class sim_host final : public cluster::links {
public:
  sim_host(sim_network& net, const cluster::link_identity& self, cluster::link_timing timing);
  ~sim_host() override;

  void call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
            callback then) override;
  void tell(const std::string& node, uint16_t kind, std::string body) override;
  void serve(uint16_t kind, handler who) override { core.serve(kind, std::move(who)); }
  void listen(cluster::link_listener& who) override { core.listen(who); }
  void follow(std::vector<cluster::link_peer> peers) override;

  /// Does it now, or when the pause is over. Not at all if the host is gone by then.
  void run(std::function<void()> what);
  void pause(bool yes);

  const std::string name;
  cluster::link_core core;

private:
  friend class sim_network;

  void look();
  void plan_look(mono_time when);

  sim_network& net_;
  bool paused_ = false;
  std::vector<std::function<void()>> held_;
  mono_time look_at_ = mono_time::max();
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Addresses are names of nodes.
class sim_network {
public:
  explicit sim_network(timeline& t, wire_plan p = {}) : time{t}, plan{p} {}

  /// A process starts. The network forgets it with `crash`.
  sim_host& start(const cluster::link_identity& self, cluster::link_timing timing = {});

  /// A process ends without a word; others learn it from their connections.
  void crash(const std::string& node);
  sim_host* find(const std::string& node);

  /// Breaks what is connected between two nodes; what is under way is lost.
  /// @param silent nobody is told, as when a cable is pulled and the address moves.
  void cut(const std::string& a, const std::string& b, bool silent);

  /// Nothing gets from one to the other, until it does: bytes wait, dials hang.
  void block(const std::string& from, const std::string& to, bool yes);

  /// What goes from one to the other takes so much longer at most, and keeps its order. 0: no more.
  void slow(const std::string& from, const std::string& to, duration by) { slow_[{from, to}] = by; }

  size_t wires() const { return wires_.size(); }

  timeline& time;
  wire_plan plan;

private:
  friend class sim_host;
  using wire_ptr = std::shared_ptr<wire>;

  void dial(const std::string& from, const cluster::link_core::dial& what);
  void connect(const std::string& from, const cluster::link_core::dial& what);
  void attend(const wire_ptr& w, size_t side);
  void on_host(const std::string& node, std::function<void()> what);
  void flush(const wire_ptr& w, size_t side);
  void send(const wire_ptr& w, size_t side, std::string bytes);
  duration trip(const std::string& from, const std::string& to);
  void arrive(const wire_ptr& w, size_t side, std::string bytes);
  void deliver(const wire_ptr& w, size_t side, const std::string& bytes);
  void arm(const wire_ptr& w, size_t side);
  void close(const wire_ptr& w, size_t side);
  void lose(const wire_ptr& w, size_t side, const std::string& why);
  bool is_blocked(const std::string& from, const std::string& to) const {
    return blocked_.contains({from, to});
  }

  std::map<std::string, std::unique_ptr<sim_host>> hosts_;
  std::vector<wire_ptr> wires_;
  std::set<std::pair<std::string, std::string>> blocked_;
  std::map<std::pair<std::string, std::string>, duration> slow_;
};

} // namespace shoal::sim
