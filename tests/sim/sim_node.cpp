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

node_side sim_node::side_of(const std::shared_ptr<life>& of, bool registry) {
  node_side side;
  side.run = [this, registry, weak = std::weak_ptr(of)](std::function<void()> what) {
    if (auto l = weak.lock())
      registry ? run_registry(l, std::move(what)) : run(l, std::move(what));
  };
  side.true_time = [clock = clock_](mono_time t) { return clock.true_time(t); };
  return side;
}

void sim_node::start() {
  if (life_)
    return;
  paused_ = false;
  disturbed_at_ = etcd_.time().now();
  life_ = std::make_shared<life>();
  life_->link = etcd_.connect(side_of(life_, false));
  life_->registry_link = etcd_.connect(side_of(life_, true));
  cut(cut_there_, cut_back_);
  config_.self.incarnation = etcd_.time().random.next() | 1;
  life_->members = std::make_unique<cluster::membership>(
      *life_->link, config_, now_, static_cast<cluster::membership_listener&>(*this));
  start_registry();
  if (make_service_)
    life_->service = make_service_(*this);
  tick(life_);
}

/// Dead memberships tell nobody anything, so what it owned is gone without a word.
void sim_node::crash() {
  if (life_ && life_->service)
    life_->service->ends(life_->ending);
  auto dead = std::exchange(life_, nullptr);
  if (!dead)
    return;
  dead->backlog.clear();
  dead->on_disk.clear();
  dead->service.reset();
  stop_registry(*dead);
  dead->members.reset();
  dead->registry_link.reset();
  dead->link.reset();
}

void sim_node::pause() {
  paused_ = true;
  disturbed_at_ = etcd_.time().now();
  if (life_ && life_->service)
    life_->service->pause(true);
}

void sim_node::resume() {
  if (!std::exchange(paused_, false) || !life_)
    return;
  disturbed_at_ = etcd_.time().now();
  // Timers and messages are ready at once; either may be first.
  auto& random = etcd_.time().random;
  auto l = life_;
  if (l->service && random.chance(500))
    l->service->pause(false);
  if (random.chance(500))
    l->members->advance();
  for (auto& what : std::exchange(l->backlog, {}))
    if (life_ == l)
      what();
  if (life_ == l && l->service)
    l->service->pause(false);
}

void sim_node::cut(bool there, bool back) {
  cut_there_ = there;
  cut_back_ = back;
  disturbed_at_ = etcd_.time().now();
  if (!life_)
    return;
  life_->link->cut(there, back);
  life_->registry_link->cut(there, back);
}

bool sim_node::is_well(duration since) const {
  return life_ && !paused_ && !cut_there_ && !cut_back_
         && etcd_.time().now() - disturbed_at_ >= since;
}

void sim_node::run(const std::shared_ptr<life>& of, std::function<void()> what) {
  if (of != life_)
    return;
  if (paused_)
    return of->backlog.push_back(std::move(what));
  what();
  if (of == life_ && of->service)
    of->service->looked(*of->members);
}

void sim_node::on_membership(std::function<void(cluster::membership&)> what) {
  etcd_.time().after(duration{0}, [this, what = std::move(what), weak = std::weak_ptr(life_)] {
    if (auto l = weak.lock())
      run(l, [l, what] { what(*l->members); });
  });
}

void sim_node::tick(const std::shared_ptr<life>& of) {
  if (of != life_)
    return;
  if (!paused_) {
    life_->members->advance();
    if (life_->service)
      life_->service->looked(*life_->members);
    run_registry(of, [this] { advance_registry(); });
    end_if_idle(of);
  }
  etcd_.time().after(etcd_.time().random.between(tick_min, tick_max), [this, of] { tick(of); });
}

void sim_node::end_if_idle(const std::shared_ptr<life>& of) {
  auto& l = *of;
  if (!l.leaves_until || l.ending)
    return;
  auto idle = l.members->is_idle() && (!l.service || l.service->is_idle());
  if (!idle && etcd_.time().now() < *l.leaves_until)
    return;
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

void sim_node::standby_is_ready(size_t slot, uint64_t revision) {
  on_membership([this, slot, revision](cluster::membership& to) {
    observer_.warmed(slot, revision);
    to.standby_is_ready(slot, revision);
  });
}

void sim_node::standby_fell_behind(size_t slot) {
  on_membership([slot](cluster::membership& to) { to.standby_fell_behind(slot); });
}

// -- what membership says ---------------------------------------------------------------

/// Without a service standbys get warm after a while.
void sim_node::standby_changed(size_t slot, const cluster::held_role& standby) {
  if (life_->service)
    return life_->service->standby_changed(slot, standby);
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
  if (life_->service)
    life_->service->acquired(slot, epoch);
}

void sim_node::lost(size_t slot, uint64_t epoch) {
  observer_.lost(id(), slot, epoch);
  if (life_->service)
    life_->service->lost(slot, epoch);
}

void sim_node::standing_by(size_t slot, uint64_t epoch) {
  if (life_->service)
    life_->service->standing_by(slot, epoch);
}

void sim_node::stood_down(size_t slot) {
  if (life_->service)
    life_->service->stood_down(slot);
}

void sim_node::view_changed() {
  if (life_->service)
    life_->service->view_changed();
}

} // namespace shoal::sim
