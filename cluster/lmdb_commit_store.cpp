// SPDX-License-Identifier: Apache-2.0
#include "cluster/lmdb_commit_store.hpp"

#include "core/clock.hpp"
#include "core/limits.hpp"

namespace shoal::cluster {

namespace {

std::string key_of(const std::string& id) {
  return "flushes/" + id;
}

} // namespace

void lmdb_commit_store::commit(durable_write what, callback then) {
  if (waiting_.size() >= limits::commit_queue_max) {
    then(fail(ec::busy, "the commit queue is full"));
    return;
  }
  auto& request = what.request;
  if (!what.once.empty()) {
    request.guards.push_back({table::meta, key_of(what.once), 0});
    request.mutations.push_back({table::meta, key_of(what.once), std::string{}});
  }
  for (const auto& id : what.forget)
    request.mutations.push_back({table::meta, key_of(id), std::nullopt});
  if (waiting_.empty())
    told_.wake();
  waiting_.push_back(std::move(request));
  answers_.push_back({std::move(then), std::move(what.once)});
}

/// A conflict may mean that it has happened already.
result<uint64_t> lmdb_commit_store::settle(const std::string& once,
                                           result<uint64_t> outcome) const {
  if (outcome || once.empty() || outcome.error().code != ec::conflict)
    return outcome;
  auto first = store_.get(table::meta, key_of(once));
  if (!first)
    return tl::unexpected(first.error());
  return *first ? result<uint64_t>{(*first)->revision} : outcome;
}

void lmdb_commit_store::flush() {
  // Answers may ask for more, which waits for the next flush.
  auto requests = std::exchange(waiting_, {});
  auto answers = std::exchange(answers_, {});
  std::span<const commit_request> rest{requests};
  size_t next = 0;
  while (!rest.empty()) {
    auto batch = rest.first(std::min(rest.size(), limits::commit_batch_max));
    rest = rest.subspan(batch.size());
    auto start = mono_now();
    auto outcomes = store_.commit(batch);
    told_.measured(mono_now() - start, outcomes);
    for (auto& outcome : outcomes) {
      auto& to = answers[next++];
      to.then(settle(to.once, std::move(outcome)));
    }
  }
}

} // namespace shoal::cluster
