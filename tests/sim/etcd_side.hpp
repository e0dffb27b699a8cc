// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/etcd_model.hpp"

#include <list>

/// How a node's connection to the model works inside.
namespace shoal::sim {

/// A request that waits for its answer.
struct etcd_question {
  virtual ~etcd_question() = default;
  virtual void fail_with(ec code) = 0;
};

/// A watch, of which the node and the model hold a share each.
struct etcd_watch : std::enable_shared_from_this<etcd_watch> {
  etcd_watch(std::weak_ptr<etcd_side> owner, std::string begin, std::string stop, uint64_t from,
             coordination::watcher& receiver)
      : side{std::move(owner)}, first{std::move(begin)}, end{std::move(stop)}, next{from},
        who{&receiver} {}

  /// At the model: from now on events flow.
  void establish();
  /// Sends what has happened, unless something is under way already.
  void pump();
  void lose(ec code);
  /// Runs on the node, unless the watch has been ended.
  void tell(std::function<void(coordination::watcher&)> what);

  std::weak_ptr<etcd_side> side;
  std::string first;
  std::string end;
  uint64_t next;              // The first revision that the node has not been sent.
  coordination::watcher* who; // Nobody once it has ended or is lost.
  bool established = false;
  bool lost = false;
  bool under_way = false;
};

/// The node's end of the connection, and what is under way on it.
struct etcd_side : std::enable_shared_from_this<etcd_side> {
  etcd_side(etcd_model& m, node_side s) : model{m}, node{std::move(s)} {}

  /// Takes something to the model, there and back as the network has it.
  /// @param refused called if the node learns at once that it cannot be reached.
  void send(std::function<void()> at_model, std::function<void()> refused);
  void arrive(std::function<void()> at_model, std::function<void()> refused);
  void answer(std::function<void()> on_node);
  void on_node(std::function<void()> what);
  void pump();
  void break_watches();
  void cut(bool there, bool back);

  etcd_model& model;
  node_side node;
  bool cut_there = false;
  bool cut_back = false;
  bool closed = false;
  std::vector<std::function<void()>> held_there; // What TCP will bring once the way is open.
  std::vector<std::function<void()>> held_back;
  std::list<std::weak_ptr<etcd_question>> questions;
  std::vector<std::weak_ptr<etcd_watch>> watches;
};

} // namespace shoal::sim
