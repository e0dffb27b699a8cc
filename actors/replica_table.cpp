// SPDX-License-Identifier: Apache-2.0
#include "actors/replica_table.hpp"

#include <algorithm>

namespace shoal {

struct replica_table::visitor {
  replica_table& table;

  template <class F>
  void edit(F&& change) const {
    auto* swarm = table.current();
    if (swarm == nullptr)
      return;
    auto before = swarm->peers.peers();
    change(*swarm);
    table.peers_ += swarm->peers.peers() - before;
  }

  void operator()(const delta_swarm& x) const { table.named_ = x.hash; }
  void operator()(const delta_peer& x) const {
    edit([&](replica& swarm) { swarm.peers.mirror(x.peer, table.deadline()); });
  }
  void operator()(const delta_gone& x) const {
    edit([&](replica& swarm) { swarm.peers.remove(x.identity); });
  }
  void operator()(const delta_numbers& x) const {
    auto* swarm = table.current();
    if (swarm == nullptr)
      return;
    swarm->born = table.now_() - x.age_s;
    swarm->peers.set_completed(x.completed);
  }
  void operator()(const delta_cleared&) const {
    edit([&](replica& swarm) { swarm.peers.clear(); });
  }
  void operator()(const delta_dropped&) const {
    if (auto found = table.swarms_.find(table.named_); found != table.swarms_.end())
      table.erase(found);
  }
  void operator()(const delta_sync_begin&) const {}
  void operator()(const delta_range& x) const {
    if (table.broken_ == cluster::replication_flaw::keeps_leftovers)
      return;
    auto at = table.swarms_.lower_bound(x.from);
    while (at != table.swarms_.end() && at->first <= x.to) {
      auto known = std::binary_search(x.swarms.begin(), x.swarms.end(), at->first);
      at = known ? std::next(at) : table.erase(at);
    }
  }
  void operator()(const delta_piece& x) const {
    edit([&](replica& swarm) { table.mirror(swarm, x); });
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
  auto found = swarms_.find(swarm);
  if (found == swarms_.end())
    return nullptr;
  auto given = std::move(found->second);
  peers_ -= given->peers.peers();
  swarms_.erase(found);
  return given;
}

std::map<info_hash, std::unique_ptr<replica_table::replica>>::iterator
replica_table::erase(std::map<info_hash, std::unique_ptr<replica>>::iterator at) {
  peers_ -= at->second->peers.peers();
  return swarms_.erase(at);
}

/// Looks through a large swarm once, not once for each of its pieces. Who came meanwhile is in the
/// piece to come, or has been said to have gone.
void replica_table::mirror(replica& swarm, const delta_piece& x) {
  if (x.from == 0 && x.to == UINT64_MAX)
    return swarm.peers.mirror(x, deadline());
  if (x.from == 0 || before_of_ != named_) {
    before_of_ = named_;
    before_.clear();
    swarm.peers.for_each_identity([&](uint64_t who, peer_state) { before_.push_back(who); });
    std::sort(before_.begin(), before_.end());
  }
  swarm.peers.mirror(x, deadline(), &before_);
  if (x.to == UINT64_MAX) {
    before_of_.reset();
    before_.clear();
  }
}

std::optional<info_hash> replica_table::next(const info_hash& from) const {
  auto found = swarms_.lower_bound(from);
  return found == swarms_.end() ? std::nullopt : std::optional{found->first};
}

void replica_table::renew(coarse_seconds heard) {
  for (auto& [hash, swarm] : swarms_)
    swarm->peers.renew(heard + config_.ttl_s);
}

} // namespace shoal
