// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/tracker_world.hpp"

#include "actors/link_kinds.hpp"

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

caf::actor_system_config& with_virtual_time(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

} // namespace

// -- what trackers share ----------------------------------------------------------------

tracker_world::tracker_world(timeline& t, size_t slots_used)
    : time{t}, slots{slots_used}, net{t}, system{with_virtual_time(caf_config)},
      scheduler{dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())}, unit{&system},
      caf_time{t.now()} {}

tracker_world::~tracker_world() {
  scheduler.advance_time(10s); // Swarms that have retired end some seconds later.
  drain();
}

bool tracker_world::drain() {
  if (auto passed = time.now() - std::exchange(caf_time, time.now()); passed > 0ns)
    scheduler.advance_time(passed);
  auto some = false;
  while (scheduler.try_run_once())
    some = true;
  return some;
}

// -- links on a node's clock ------------------------------------------------------------

void clocked_links::call(const std::string& node, uint16_t kind, std::string body,
                         mono_time deadline, callback then) {
  to_.call(node, kind, std::move(body), clock_.true_time(deadline),
           [this, kind, alive = std::weak_ptr(alive_), then = std::move(then),
            heard = heard_](result<std::string> answer) {
             if (!alive.expired() && kind == link_kind::stray_peers && answer)
               gave_at_ = time_.now();
             then(std::move(answer));
             heard();
           });
}

void clocked_links::serve(uint16_t kind, handler who) {
  to_.serve(kind, [who = std::move(who), heard = heard_](const cluster::link_message& x,
                                                         cluster::link_reply reply) {
    who(x, std::move(reply));
    heard();
  });
}

} // namespace shoal::sim
