// SPDX-License-Identifier: Apache-2.0
#include "actors/replica_table.hpp"

#include <algorithm>

namespace shoal {

struct replica_table::visitor {
  replica_table& table;

  void operator()(const delta_swarm& x) const { table.named_ = x.hash; }
  void operator()(const delta_peer& x) const {
    if (auto* swarm = table.current())
      swarm->peers.mirror(x.peer, table.deadline());
  }
  void operator()(const delta_gone& x) const {
    if (auto* swarm = table.current())
      swarm->peers.remove(x.identity);
  }
  void operator()(const delta_numbers& x) const {
    auto* swarm = table.current();
    if (swarm == nullptr)
      return;
    swarm->born = table.now_() - x.age_s;
    swarm->peers.set_completed(x.completed);
  }
  void operator()(const delta_cleared&) const {
    if (auto* swarm = table.current())
      swarm->peers.clear();
  }
  void operator()(const delta_dropped&) const { table.swarms_.erase(table.named_); }
  void operator()(const delta_sync_begin&) const {}
  void operator()(const delta_range& x) const {
    if (table.broken_ == cluster::replication_flaw::keeps_leftovers)
      return;
    auto at = table.swarms_.lower_bound(x.from);
    while (at != table.swarms_.end() && at->first <= x.to) {
      auto known = std::binary_search(x.swarms.begin(), x.swarms.end(), at->first);
      at = known ? std::next(at) : table.swarms_.erase(at);
    }
  }
  void operator()(const delta_piece& x) const {
    if (auto* swarm = table.current())
      swarm->peers.mirror(x, table.deadline());
  }
  void operator()(const delta_sync_end&) const {}
};

void replica_table::apply(const swarm_fact& x) {
  std::visit(visitor{*this}, x);
}

replica_table::replica* replica_table::current() {
  if (auto found = swarms_.find(named_); found != swarms_.end())
    return found->second.get();
  if (swarms_.size() >= swarms_max)
    return nullptr;
  auto made = std::make_unique<replica>(config_);
  made->born = now_();
  return (swarms_[named_] = std::move(made)).get();
}

const replica_table::replica* replica_table::find(const info_hash& swarm) const {
  auto found = swarms_.find(swarm);
  return found == swarms_.end() ? nullptr : found->second.get();
}

std::unique_ptr<replica_table::replica> replica_table::release(const info_hash& swarm) {
  auto node = swarms_.extract(swarm);
  return node ? std::move(node.mapped()) : nullptr;
}

void replica_table::renew(coarse_seconds heard) {
  for (auto& [hash, swarm] : swarms_)
    swarm->peers.renew(heard + config_.ttl_s);
}

} // namespace shoal
