// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_node.hpp"

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

constexpr duration tick_min = 20ms;
constexpr duration tick_max = 60ms;

} // namespace

sim_node::sim_node(etcd_model& etcd, const cluster::membership_config& config,
                   const node_clock& clock, node_observer& observer,
                   const registry_settings& registry)
    : etcd_{etcd}, config_{config}, registry_{registry}, clock_{clock}, observer_{observer} {}

void sim_node::start() {
  if (life_)
    return;
  paused_ = false;
  life_ = std::make_shared<life>();
  node_side side;
  side.run = [this, weak = std::weak_ptr(life_)](std::function<void()> what) {
    if (auto l = weak.lock())
      run(l, std::move(what));
  };
  side.true_time = [clock = clock_](mono_time t) { return clock.true_time(t); };
  life_->link = etcd_.connect(std::move(side));
  life_->link->cut(cut_there_, cut_back_);
  config_.self.incarnation = etcd_.time().random.next() | 1;
  life_->members = std::make_unique<cluster::membership>(
      *life_->link, config_, now_, static_cast<cluster::membership_listener&>(*this));
  start_registry();
  tick(life_);
}

/// Dead memberships tell nobody anything, so what it owned is gone without a word.
void sim_node::crash() {
  auto dead = std::exchange(life_, nullptr);
  if (!dead)
    return;
  stop_registry(*dead);
  dead->members.reset();
  dead->link.reset();
}

void sim_node::pause() {
  paused_ = true;
}

void sim_node::resume() {
  if (!std::exchange(paused_, false) || !life_)
    return;
  // Timers and messages are ready at once; either may be first.
  auto& random = etcd_.time().random;
  if (random.chance(500))
    life_->members->advance();
  auto l = life_;
  for (auto& what : std::exchange(l->backlog, {}))
    if (life_ == l)
      what();
}

void sim_node::cut(bool there, bool back) {
  cut_there_ = there;
  cut_back_ = back;
  if (life_)
    life_->link->cut(there, back);
}

void sim_node::run(const std::shared_ptr<life>& of, std::function<void()> what) {
  if (of != life_)
    return;
  paused_ ? of->backlog.push_back(std::move(what)) : what();
}

void sim_node::tick(const std::shared_ptr<life>& of) {
  if (of != life_)
    return;
  if (!paused_) {
    life_->members->advance();
    life_->copy->advance();
    life_->commits->advance();
    claim();
    life_->counters->advance();
    auto& l = *life_;
    if (l.leaves_until && !l.ending
        && (l.members->is_idle() || etcd_.time().now() >= *l.leaves_until)) {
      l.ending = true;
      // The process goes on the next turn: this runs inside of its own membership.
      l.members->end([this, of] {
        etcd_.time().after(duration{0}, [this, of] {
          if (of != life_)
            return;
          crash();
          if (of->comes_back)
            etcd_.time().after(etcd_.time().random.between(10ms, 5s), [this] { start(); });
        });
      });
    }
  }
  etcd_.time().after(etcd_.time().random.between(tick_min, tick_max), [this, of] { tick(of); });
}

void sim_node::leave(duration within, bool comes_back) {
  if (!life_ || life_->leaves_until)
    return;
  life_->leaves_until = etcd_.time().now() + within;
  life_->comes_back = comes_back;
  life_->members->leave();
}

std::optional<uint64_t> sim_node::owns(size_t slot) const {
  if (!life_ || paused_)
    return std::nullopt;
  return life_->members->owns(slot, local_now());
}

void sim_node::standby_changed(size_t slot, const cluster::held_role& standby) {
  if (!standby)
    return;
  etcd_.time().after(etcd_.time().random.between(1ms, 300ms),
                     [this, slot, revision = standby.revision, weak = std::weak_ptr(life_)] {
                       if (auto l = weak.lock())
                         run(l, [this, slot, revision] {
                           observer_.warmed(slot, revision);
                           life_->members->standby_is_ready(slot, revision);
                         });
                     });
}

void sim_node::acquired(size_t slot, uint64_t epoch) {
  observer_.acquired(id(), slot, epoch);
  life_->copy->reach(epoch);
}

} // namespace shoal::sim
