// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/etcd_state.hpp"

#include <algorithm>

namespace shoal::sim {

using namespace coordination;

const etcd_state::version* etcd_state::version_at(const std::vector<version>& all,
                                                  uint64_t revision) const {
  for (auto v = all.rbegin(); v != all.rend(); ++v)
    if (v->kv.mod_revision <= revision)
      return v->erased ? nullptr : &*v;
  return nullptr;
}

std::optional<key_value> etcd_state::find(const std::string& key) const {
  auto found = keys_.find(key);
  auto* now = found == keys_.end() ? nullptr : version_at(found->second, revision_);
  return now ? std::optional{now->kv} : std::nullopt;
}

bool etcd_state::holds(const condition& c) const {
  auto kv = find(c.key);
  switch (c.of) {
  case condition::what::mod_revision:
    return (kv ? kv->mod_revision : 0) == c.equals;
  case condition::what::create_revision:
    return (kv ? kv->create_revision : 0) == c.equals;
  case condition::what::lease:
    return static_cast<uint64_t>(kv ? kv->lease : 0) == c.equals; // As in etcd.
  }
  return false;
}

/// etcd checks the branch that will run.
std::optional<error> etcd_state::refuse(const transaction& what) const {
  std::set<std::string_view> written;
  for (const auto& op : what.then) {
    if (!written.insert(op.key).second)
      return error{ec::invalid_argument, "duplicate key given in txn request"};
    if (op.value && op.lease != 0 && !has_lease(op.lease))
      return error{ec::not_found, "requested lease not found"};
  }
  return std::nullopt;
}

void etcd_state::apply(const operation& op, change& into) {
  auto before = find(op.key);
  if (!before && !op.value)
    return;
  if (before && before->lease != 0)
    leases_[before->lease].erase(op.key);
  watch_event event;
  event.erased = !op.value;
  event.kv.key = op.key;
  event.kv.mod_revision = into.revision;
  if (op.value) {
    event.kv.value = *op.value;
    event.kv.create_revision = before ? before->create_revision : into.revision;
    event.kv.lease = op.lease;
    if (op.lease != 0)
      leases_[op.lease].insert(op.key);
  }
  keys_[op.key].push_back({event.erased, event.kv});
  into.events.push_back(std::move(event));
}

void etcd_state::finish(change made) {
  if (made.events.empty())
    return;
  revision_ = made.revision;
  history_.push_back(std::move(made));
}

result<transaction_result> etcd_state::commit(const transaction& what) {
  transaction_result answer;
  answer.succeeded
      = std::all_of(what.when.begin(), what.when.end(), [&](const auto& c) { return holds(c); });
  if (answer.succeeded) {
    if (auto why = refuse(what))
      return fail(why->code, why->detail);
    change made{revision_ + 1, {}};
    for (const auto& op : what.then)
      apply(op, made);
    finish(std::move(made));
  } else {
    for (const auto& key : what.on_failure)
      answer.read.push_back(find(key));
  }
  answer.revision = revision_;
  return answer;
}

result<range_page> etcd_state::read(const range_query& what) const {
  auto at = what.at_revision == 0 ? revision_ : what.at_revision;
  if (at < compacted_)
    return fail(ec::not_found, "required revision has been compacted");
  if (at > revision_)
    return fail(ec::invalid_argument, "required revision is a future revision");
  range_page page;
  page.revision = at;
  for (auto k = keys_.lower_bound(what.first);
       k != keys_.end() && in_range(k->first, what.first, what.end); ++k) {
    auto* found = version_at(k->second, at);
    if (!found)
      continue;
    page.more = page.keys.size() == what.limit;
    if (page.more)
      break;
    page.keys.push_back(found->kv);
  }
  return page;
}

result<uint64_t> etcd_state::end_lease(lease_id lease) {
  auto found = leases_.find(lease);
  if (found == leases_.end())
    return fail(ec::not_found, "requested lease not found");
  auto keys = found->second;
  change made{revision_ + 1, {}};
  for (const auto& key : keys)
    apply({key, std::nullopt, 0}, made);
  leases_.erase(lease);
  finish(std::move(made));
  return revision_;
}

void etcd_state::compact(uint64_t revision) {
  revision = std::min(revision, revision_);
  if (revision <= compacted_)
    return;
  compacted_ = revision;
  while (!history_.empty() && history_.front().revision <= compacted_)
    history_.pop_front();
  for (auto k = keys_.begin(); k != keys_.end();) {
    auto& all = k->second;
    auto later = std::find_if(all.begin(), all.end(),
                              [&](const version& v) { return v.kv.mod_revision > compacted_; });
    // The last one of before is still what a reader at that revision sees, unless it is erased.
    auto keep = later == all.begin() || (later - 1)->erased ? later : later - 1;
    all.erase(all.begin(), keep);
    k = all.empty() ? keys_.erase(k) : std::next(k);
  }
}

} // namespace shoal::sim
