// SPDX-License-Identifier: Apache-2.0
#include "actors/edge_port.hpp"

#include <caf/actor_cast.hpp>

namespace shoal {

/// The edge's address in the actor world. Whoever wakes it up, it runs on its own I/O thread.
class edge_port::edge : public edge_actor::base {
public:
  edge(caf::actor_config& cfg, edge_port* port) : edge_actor::base(cfg), port_{*port} {}

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    edge_actor::base::enqueue(std::move(what), &port_.loop_);
  }
  using edge_actor::base::enqueue;

  behavior_type make_behavior() override {
    return {[this](announce_reply& reply) { port_.on_reply(reply); }};
  }

  void on_exit() override { port_.edge_ended_ = true; }

private:
  edge_port& port_;
};

edge_port::edge_port(caf::actor_system& sys, const swarm_directory& directory,
                     const std::array<shard_actor, slot_count>& shards, std::function<void()> wake)
    : directory_{directory}, shards_{shards}, loop_{sys, std::move(wake)},
      edge_{sys.spawn<edge, caf::hidden + caf::lazy_init>(this)} {}

edge_port::~edge_port() {
  caf::anon_send_exit(edge_, caf::exit_reason::kill);
  loop_.bind_to_this_thread();
  // Another thread may have woken the edge and not yet queued it here: only when the edge has ended
  // does nobody know this loop any more.
  while (!edge_ended_) {
    loop_.run();
    std::this_thread::yield();
  }
}

edge_actor::base* edge_port::self() const {
  return static_cast<edge_actor::base*>(caf::actor_cast<caf::abstract_actor*>(edge_));
}

void edge_port::announce(announce_request req, const swarm_actor& swarm, announce_sink& sink,
                         mono_time now) {
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(pending_.size());
    pending_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& place = pending_[index];
  place.sink = &sink;
  place.sent_at = now;
  ++pending_count_;
  req.exchange = uint64_t{place.generation} << 32 | index;
  auto* self = this->self();
  self->context(&loop_);
  if (swarm)
    self->send(swarm, std::move(req), edge_);
  else
    self->send(shards_[slot_of(req.swarm)], std::move(req), edge_);
}

announce_sink* edge_port::take(uint64_t exchange) {
  auto index = static_cast<uint32_t>(exchange);
  if (index >= pending_.size())
    return nullptr;
  auto& place = pending_[index];
  if (place.sink == nullptr || place.generation != exchange >> 32)
    return nullptr; // Too late: somebody gave up on it.
  ++place.generation;
  --pending_count_;
  free_.push_back(index);
  return std::exchange(place.sink, nullptr);
}

void edge_port::on_reply(announce_reply& reply) {
  if (auto* sink = take(reply.exchange))
    sink->on_reply(&reply);
}

void edge_port::sweep(mono_time now) {
  if (pending_count_ == 0)
    return;
  for (size_t i = 0; i < pending_.size(); ++i) {
    auto& place = pending_[i];
    if (place.sink != nullptr && now - place.sent_at > defaults::request_timeout)
      take(uint64_t{place.generation} << 32 | i)->on_reply(nullptr);
  }
}

} // namespace shoal
