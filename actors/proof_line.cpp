// SPDX-License-Identifier: Apache-2.0
#include "actors/proof_line.hpp"

#include "actors/registry_peers.hpp"
#include "core/limits.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shoal {

bool proof_line::join(mono_time until, listener then) {
  if (waiting_.size() >= limits::proofs_waiting_max) {
    then(false);
    return false;
  }
  waiting_.push_back({peers_.service->ask_proof(), until, std::move(then)});
  return !std::exchange(is_looked_at_, true);
}

bool proof_line::look() {
  auto proven = peers_.service->proven();
  auto now = peers_.now();
  auto waits = [&](const item& x) { return x.proof > proven && x.until > now; };
  auto all = std::exchange(waiting_, {});
  auto ended = std::stable_partition(all.begin(), all.end(), waits);
  std::vector<item> told{std::make_move_iterator(ended), std::make_move_iterator(all.end())};
  all.erase(ended, all.end());
  waiting_ = std::move(all);
  for (auto& x : told) // They may ask for the next one.
    x.then(x.proof <= proven);
  is_looked_at_ = !waiting_.empty();
  return is_looked_at_;
}

} // namespace shoal
