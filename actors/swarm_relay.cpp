// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm_relay.hpp"

#include "actors/error.hpp"
#include "actors/link_convert.hpp"
#include "actors/link_kinds.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <mutex>

namespace shoal {

using cluster::link_message;
using cluster::link_reply;

namespace {

constexpr std::chrono::seconds paired_patience{5};

struct relayed {
  metrics::counter sent;
  metrics::counter served;
  metrics::counter lost;
};

} // namespace

struct swarm_relay::local {
  explicit local(cluster::slot_routes& r) : routes{r} {}

  void hear_paired(const link_message& x, const link_reply& reply);
  void hear_question(const link_message& x, const link_reply& reply);
  void describe(const link_describe& question, const swarm_actor& swarm, const link_reply& reply);

  cluster::slot_routes& routes;
  relayed counted;
  std::array<std::atomic<uint32_t>, slot_count> failures{}; // Of what was said to primary swarms.
  std::atomic<size_t> descriptions{0};

  std::mutex mutex;
  caf::actor_system* system = nullptr; // Null: there are no swarms.
  const swarm_directory* directory = nullptr;
  const std::array<shard_actor, slot_count>* shards = nullptr;
};

void swarm_relay::local::hear_paired(const link_message& x, const link_reply& reply) {
  auto said = decode_link_paired(x.body);
  if (!said)
    return reply.refuse(ec::invalid_argument, "nothing about swarms of a torrent");
  auto slot = std::visit([](auto& y) { return slot_of(y.primary); }, *said);
  // Never passed on a second time: nodes that disagree would do so for ever.
  if (routes.serving(slot) != cluster::this_node)
    return reply.refuse(ec::not_owner, "another node has the primary swarm");
  std::lock_guard guard{mutex};
  if (system == nullptr)
    return reply.refuse(ec::unavailable, "the node has no swarms now");
  std::visit([&](auto& y) { caf::anon_send((*shards)[slot], from_link(std::move(y))); }, *said);
  counted.served.add();
  reply(std::string{});
}

void swarm_relay::local::hear_question(const link_message& x, const link_reply& reply) {
  auto question = decode_link_describe(x.body);
  if (!question)
    return reply.refuse(ec::invalid_argument, "no question about a swarm");
  if (descriptions.load() >= limits::relay_descriptions_max)
    return reply.refuse(ec::busy, "too many questions about swarms");
  std::lock_guard guard{mutex};
  auto swarm = system ? directory->lookup(question->swarm).swarm : swarm_actor{};
  if (!swarm)
    return reply.refuse(ec::not_found, "no such swarm");
  describe(*question, swarm, reply);
}

void swarm_relay::local::describe(const link_describe& question, const swarm_actor& swarm,
                                  const link_reply& reply) {
  ++descriptions;
  auto ended = [this](void*) { --descriptions; };
  // The system waits for the actor, and whoever owns `this` for the system.
  std::shared_ptr<void> token{this, ended};
  system->spawn([=](caf::event_based_actor* self) {
    self->request(swarm, paired_patience, describe_swarm{question.addresses_max})
        .then([reply, token](const swarm_description& x) { reply(encode(to_link(x))); },
              [reply, token](const caf::error& why) { reply(tl::unexpected{from_caf(why)}); });
  });
}

swarm_relay::swarm_relay(cluster::links& between, const swarm_places& places,
                         cluster::slot_routes& routes, metrics::registry& registry)
    : between_{between}, places_{places}, routes_{routes}, local_{std::make_shared<local>(routes)} {
  between.serve(link_kind::paired, [to = local_](const link_message& x, const link_reply& reply) {
    to->hear_paired(x, reply);
  });
  between.serve(link_kind::describe, [to = local_](const link_message& x, const link_reply& reply) {
    to->hear_question(x, reply);
  });
  auto add = [&](const char* name, const char* help, metrics::counter relayed::*which) {
    registry.add_reader(
        name, help, "", [to = local_, which] { return double((to->counted.*which).value()); },
        "counter");
  };
  add("shoal_relay_paired_sent_total", "Facts passed to primary swarms of other nodes",
      &relayed::sent);
  add("shoal_relay_paired_served_total", "Facts of other nodes given to primary swarms",
      &relayed::served);
  add("shoal_relay_paired_lost_total", "Facts for primary swarms that no node took",
      &relayed::lost);
}

swarm_relay::~swarm_relay() {
  stop();
}

void swarm_relay::attach(caf::actor_system& sys, const swarm_directory& directory,
                         const std::array<shard_actor, slot_count>& shards) {
  far_ = sys.spawn<far_swarms>(&between_, &routes_);
  std::lock_guard guard{local_->mutex};
  local_->system = &sys;
  local_->directory = &directory;
  local_->shards = &shards;
}

void swarm_relay::stop() {
  {
    std::lock_guard guard{local_->mutex};
    local_->system = nullptr;
  }
  if (far_)
    caf::anon_send_exit(far_, caf::exit_reason::user_shutdown);
  far_ = nullptr;
}

bool swarm_relay::is_here(const info_hash& swarm) const {
  auto slot = slot_of(swarm);
  return places_.is_here(slot) || routes_.serving(slot) == cluster::this_node;
}

uint32_t swarm_relay::place_of(const info_hash& primary) const {
  auto slot = slot_of(primary);
  return places_.of(slot) ^ local_->failures[slot].load(std::memory_order_relaxed) << 12;
}

bool swarm_relay::pass_on(const paired_peers& facts) {
  return !is_here(facts.primary) && pass_on(facts.primary, encode(to_link(facts)), true);
}

bool swarm_relay::pass_on(const paired_traffic& fact) {
  return !is_here(fact.primary) && pass_on(fact.primary, encode(to_link(fact)), false);
}

/// @param again what is lost has to be said again; otherwise the next one says it all.
bool swarm_relay::pass_on(const info_hash& primary, std::string body, bool again) {
  auto slot = slot_of(primary);
  local_->counted.sent.add();
  auto then = [to = local_, slot, again](const result<std::string>& how) {
    if (how)
      return;
    to->counted.lost.add();
    if (again)
      to->failures[slot].fetch_add(1, std::memory_order_relaxed);
  };
  auto node = routes_.serving(slot);
  if (node == cluster::nobody)
    then(fail(ec::unavailable));
  else
    between_.call(routes_.name_of(node), link_kind::paired, std::move(body),
                  mono_now() + paired_patience, then);
  return true;
}

} // namespace shoal
