// SPDX-License-Identifier: Apache-2.0
#include "actors/edge_port.hpp"

#include "actors/edge_inquiry.hpp"
#include "actors/edge_relay.hpp"
#include "core/defaults.hpp"

#include <caf/actor_cast.hpp>

namespace shoal {

namespace {

/// Fetches an actor, as far as taking its turn and its first steps need it.
void prefetch(const swarm_actor& handle) {
  auto* at = reinterpret_cast<const char*>(caf::actor_cast<caf::abstract_actor*>(handle));
  for (size_t line = 0; handle && line < sizeof(swarm); line += 64)
    __builtin_prefetch(at + line, 1);
}

} // namespace

/// The edge's address in the actor world. Whoever wakes it up, it runs on its own I/O thread.
class edge_port::edge : public edge_actor::base {
public:
  edge(caf::actor_config& cfg, edge_port* port) : edge_actor::base(cfg), port_{*port} {}

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    edge_actor::base::enqueue(std::move(what), &port_.loop_);
  }
  using edge_actor::base::enqueue;

  behavior_type make_behavior() override {
    return {[this](announce_reply& reply) { port_.on_reply(reply); },
            [this](const scrape_reply& reply) { port_.on_reply(reply); }};
  }

  void on_exit() override { port_.edge_ended_ = true; }

private:
  edge_port& port_;
};

edge_port::edge_port(caf::actor_system& sys, const std::array<shard_actor, slot_count>& shards,
                     std::function<void()> wake)
    : shards_{shards}, wake_{wake}, loop_{sys, std::move(wake)},
      edge_{sys.spawn<edge, caf::hidden + caf::lazy_init>(this)} {}

void edge_port::join(const swarm_directory& directory, relay_hub& hub) {
  relay_ = std::make_unique<edge_relay>(*this, directory, hub, wake_);
}

void edge_port::doubt(inquiry_desk& desk) {
  inquiry_ = std::make_unique<edge_inquiry>(*this, desk);
}

bool edge_port::is_elsewhere(const info_hash& swarm) const {
  return relay_ && !relay_->is_here(swarm);
}

size_t edge_port::pending() const {
  return pending_count_ + planned_.size() + (relay_ ? relay_->pending() : 0);
}

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

uint32_t edge_port::open(mono_time now) {
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(pending_.size());
    pending_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  pending_[index].sent_at = now;
  ++pending_count_;
  return index;
}

uint64_t edge_port::number_of(uint32_t index) const {
  return uint64_t{pending_[index].generation} << 32 | index;
}

edge_port::slot* edge_port::find(uint64_t exchange) {
  auto index = static_cast<uint32_t>(exchange);
  if (index >= pending_.size())
    return nullptr;
  auto& place = pending_[index];
  if (!place.taken() || place.generation != exchange >> 32)
    return nullptr; // Too late: somebody gave up on it.
  return &place;
}

void edge_port::close(slot& place) {
  ++place.generation;
  place.announce = nullptr;
  place.scrape = nullptr;
  --pending_count_;
  free_.push_back(static_cast<uint32_t>(&place - pending_.data()));
}

void edge_port::announce(announce_request req, const swarm_actor& swarm, announce_sink& sink,
                         mono_time now) {
  if (is_elsewhere(req.swarm))
    relay_->announce(std::move(req), sink, now);
  else
    announce_here(std::move(req), swarm, sink, now);
}

void edge_port::announce_here(announce_request req, const swarm_actor& swarm, announce_sink& sink,
                              mono_time now) {
  prefetch(swarm);
  planned_.push_back({std::move(req), swarm, &sink, now});
}

bool edge_port::run(mono_time (*clock)()) {
  clock_ = clock;
  if (relay_)
    relay_->run(clock);
  deliver();
  auto more = loop_.run();
  if (relay_)
    more = relay_->flush() || more;
  return more || !planned_.empty();
}

void edge_port::deliver() {
  delivered_.swap(planned_); // Sinks may announce again.
  take_turns();
  for (auto& p : delivered_)
    if (!p.mine || !answered_in_turn(p))
      post(p);
  delivered_.clear();
}

/// The second of two announces for one swarm finds it taken and becomes a message.
void edge_port::take_turns() {
  for (auto& p : delivered_) {
    auto* found = local_swarm(p.to);
    if (found == nullptr || !found->begin_turn(&loop_))
      continue;
    p.mine = found;
    found->prefetch_peers();
  }
  for (auto& p : delivered_)
    if (p.mine)
      p.mine->prefetch_addresses(p.request.peer.address.family);
}

bool edge_port::answered_in_turn(planned_announce& p) {
  auto answered = p.mine->announce_in_turn(p.request, reply_);
  p.mine->end_turn();
  if (answered)
    p.sink->on_reply(&reply_);
  else
    p.to = nullptr; // It makes way for another one, which the shard knows.
  return answered;
}

void edge_port::post(planned_announce& p) {
  auto index = open(p.taken_at);
  pending_[index].announce = p.sink;
  p.request.exchange = number_of(index);
  auto* self = this->self();
  self->context(&loop_);
  if (p.to)
    self->send(p.to, std::move(p.request), edge_);
  else
    self->send(shards_[slot_of(p.request.swarm)], std::move(p.request), edge_);
}

std::optional<scraped_swarm> edge_port::plan_scrape(uint32_t index, const info_hash& swarm,
                                                    swarm_actor known) const {
  if (is_elsewhere(swarm))
    return scraped_swarm{index, {}, swarm};
  // Alone, a node has the swarms that are awake and no others.
  if (!known && !relay_)
    return std::nullopt;
  return scraped_swarm{index, std::move(known), swarm};
}

uint64_t edge_port::open_scrape(size_t swarms, scrape_sink& sink, mono_time now) {
  auto index = open(now);
  pending_[index].scrape = &sink;
  pending_[index].waiting = static_cast<uint32_t>(swarms);
  return number_of(index);
}

void edge_port::scrape_all_here(std::span<const scraped_swarm> swarms, scrape_sink& sink,
                                mono_time now) {
  auto exchange = open_scrape(swarms.size(), sink, now);
  for (auto& one : swarms)
    scrape_here(exchange, one);
}

void edge_port::scrape(std::span<const scraped_swarm> swarms, scrape_sink& sink, mono_time now) {
  auto exchange = open_scrape(swarms.size(), sink, now);
  std::vector<scraped_swarm> elsewhere;
  for (auto& one : swarms) {
    if (!one.swarm && is_elsewhere(one.hash))
      elsewhere.push_back(one);
    else
      scrape_here(exchange, one);
  }
  if (!elsewhere.empty())
    relay_->scrape(exchange, std::move(elsewhere), now);
}

void edge_port::scrape_here(uint64_t exchange, const scraped_swarm& one) {
  auto* self = this->self();
  self->context(&loop_);
  scrape_request ask{exchange, one.index};
  if (one.swarm)
    self->send(one.swarm, ask, edge_);
  else
    self->send(shards_[slot_of(one.hash)], scrape_sleeper{one.hash, ask}, edge_);
}

void edge_port::on_reply(announce_reply& reply) {
  auto* place = find(reply.exchange);
  if (place == nullptr || place->announce == nullptr)
    return;
  auto* sink = place->announce;
  close(*place);
  sink->on_reply(&reply);
}

void edge_port::on_reply(const scrape_reply& reply) {
  auto* place = find(reply.exchange);
  if (place == nullptr || place->scrape == nullptr)
    return;
  auto* sink = place->scrape;
  auto all_there = --place->waiting == 0;
  if (all_there)
    close(*place);
  sink->on_numbers(reply.index, reply.numbers);
  if (all_there)
    sink->on_scraped();
}

void edge_port::give_up(slot& place) {
  auto* announce = place.announce;
  auto* scrape = place.scrape;
  auto waiting = std::move(place.ask);
  close(place);
  if (announce)
    announce->on_reply(nullptr);
  else if (scrape)
    scrape->on_scraped();
  else
    waiting->give_up();
}

void edge_port::sweep(mono_time now) {
  if (relay_)
    relay_->sweep(now);
  if (pending_count_ == 0)
    return;
  for (size_t i = 0; i < pending_.size(); ++i)
    if (pending_[i].taken() && now - pending_[i].sent_at > defaults::request_timeout)
      give_up(pending_[i]);
}

} // namespace shoal
