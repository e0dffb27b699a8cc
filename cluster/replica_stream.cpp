// SPDX-License-Identifier: Apache-2.0
#include "cluster/replica_stream.hpp"

namespace shoal::cluster {

using verdict = delta_ack::verdict;

void replica_stream::know(uint64_t epoch, bool own) {
  if (epoch < epoch_)
    return;
  if (epoch > epoch_) {
    number_ = 0;
    whole_ = false;
  }
  epoch_ = epoch;
  own_ = own;
}

delta_ack replica_stream::take(const delta_batch& x) {
  if (broken_ != replication_flaw::ignores_epoch) {
    if (x.epoch < epoch_ || (own_ && x.epoch == epoch_))
      return say(verdict::refused);
    if (x.epoch > epoch_)
      know(x.epoch, false);
  } else if (x.epoch != epoch_) {
    epoch_ = x.epoch;
    number_ = x.number - 1;
  }
  if (x.number <= number_)
    return say(verdict::applied); // Sent again before it was known to have come.
  auto next = x.number == number_ + 1 || broken_ == replication_flaw::ignores_gap;
  auto unusable = delta_ack{slot_, verdict::resync, epoch_, x.number};
  if (!x.fresh && number_ == 0)
    return unusable;
  if (!x.fresh && !next)
    return say(verdict::resend);
  number_ = x.number;
  if (apply_all(x.body))
    return say(verdict::applied);
  number_ = 0;
  whole_ = false;
  return unusable;
}

/// Whether all of it could be read; if not, what stood before the fault has been applied.
bool replica_stream::apply_all(std::string_view body) {
  delta_reader in{body};
  swarm_fact x;
  auto named = false;
  while (in.next(x)) {
    named = named || std::holds_alternative<delta_swarm>(x);
    auto of_slot = std::holds_alternative<delta_sync_begin>(x)
                   || std::holds_alternative<delta_range>(x)
                   || std::holds_alternative<delta_sync_end>(x);
    if (!named && !of_slot)
      return false;
    if (std::holds_alternative<delta_sync_begin>(x))
      whole_ = false;
    if (std::holds_alternative<delta_sync_end>(x))
      whole_ = true;
    sink_.apply(x);
  }
  return in.good();
}

} // namespace shoal::cluster
