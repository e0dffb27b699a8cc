// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/etcd_model.hpp"

#include "tests/sim/etcd_side.hpp"

#include <algorithm>

namespace shoal::sim {

using namespace coordination;

std::unique_ptr<etcd_link> etcd_model::connect(node_side side) {
  auto made = std::make_shared<etcd_side>(*this, std::move(side));
  std::erase_if(sides_, [](const auto& s) { return s.expired(); });
  sides_.push_back(made);
  return std::make_unique<etcd_link>(std::move(made));
}

duration etcd_model::trip() {
  auto late = time_.random.chance(faults_.late);
  return time_.random.between(faults_.trip_min, late ? faults_.late_max : faults_.trip_max);
}

void etcd_model::set_available(bool yes) {
  if (available_ == yes)
    return;
  available_ = yes;
  if (!yes)
    return;
  for (auto& [id, l] : leases_)
    renew(id, l);
  for (auto& request : std::exchange(held_, {}))
    time_.after(trip(), std::move(request));
  pump();
}

void etcd_model::break_watches() {
  for (auto& weak : sides_)
    if (auto side = weak.lock())
      side->break_watches();
}

void etcd_model::restore(const etcd_state& backup) {
  state_ = backup;
  seen_ = state_.revision();
  std::erase_if(leases_, [this](const auto& l) { return !state_.has_lease(l.first); });
  for (auto& [id, l] : leases_)
    renew(id, l);
  break_watches();
}

result<transaction_result> etcd_model::commit(const transaction& what) {
  ++commits_tried_;
  auto answer = state_.commit(what);
  changed();
  return answer;
}

result<lease_id> etcd_model::grant(uint32_t ttl_s) {
  if (ttl_s == 0)
    return fail(ec::invalid_argument, "lease without time");
  auto id = static_cast<lease_id>(time_.random.next() >> 2 | 1);
  state_.add_lease(id);
  auto& l = leases_[id] = {std::chrono::seconds{ttl_s}, {}};
  renew(id, l);
  return id;
}

void etcd_model::renew(lease_id id, lease& l) {
  l.ends = time_.now() + l.ttl;
  auto lag = time_.random.between(duration{0}, faults_.expiry_lag_max);
  // Some leases end on the dot.
  time_.at(l.ends + (time_.random.chance(300) ? duration{0} : lag),
           [this, id, ends = l.ends] { end_if_due(id, ends); });
}

void etcd_model::end_if_due(lease_id id, mono_time ends) {
  auto found = leases_.find(id);
  if (!available_ || found == leases_.end() || found->second.ends != ends)
    return;
  leases_.erase(found);
  (void)state_.end_lease(id);
  changed();
}

result<uint32_t> etcd_model::keep_alive(lease_id id) {
  auto found = leases_.find(id);
  if (found != leases_.end() && found->second.ends <= time_.now()) {
    end_if_due(id, found->second.ends); // etcd makes the caller wait until it is revoked.
    found = leases_.end();
  }
  if (found == leases_.end())
    return fail(ec::not_found, "requested lease not found");
  renew(id, found->second);
  return static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(found->second.ttl).count());
}

result<uint64_t> etcd_model::revoke(lease_id id) {
  leases_.erase(id);
  auto answer = state_.end_lease(id);
  changed();
  return answer;
}

void etcd_model::changed() {
  auto& history = state_.history();
  auto fresh = state_.revision() - std::exchange(seen_, state_.revision());
  for (auto at = history.size() - fresh; on_change && at < history.size(); ++at)
    on_change(history[at]);
  pump();
}

void etcd_model::pump() {
  for (auto& weak : sides_)
    if (auto side = weak.lock())
      side->pump();
}

} // namespace shoal::sim
