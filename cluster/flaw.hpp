// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace shoal::cluster {

/// Broken on purpose, so that the simulation shows that it would notice. Only tests set it.
enum class flaw : uint8_t {
  none,
  lease_from_answer,    ///< Counts the lease's time from the answer, not from the question.
  lease_without_end,    ///< Believes in its lease until the service denies it.
  lease_without_margin, ///< Ends its lease on the dot, by a clock that may be slow.
  acts_until_tick,      ///< Looks at the clock in ticks only, not before each act.
  no_resync,            ///< Goes on after a compaction without reading what it missed.
  claims_blindly,       ///< Takes a slot without the condition that nobody owns it.
  hands_over_acting,    ///< Goes on as owner while the hand-over is under way.
  resumes_blindly,      ///< Owner again after a hand-over of which it knows nothing.
  hands_over_cold,      ///< Hands over to a standby that is not ready.
  writes_unguarded,     ///< Leaves the ownership compare out of durable writes.
  unknown_is_failure,   ///< Answers a commit whose fate nobody knows as one that failed.
  unknown_is_success,   ///< Answers it as one that happened.
  retries_blindly,      ///< Does it again without looking.
  acks_unapplied,       ///< Acknowledges a write that its own copy does not have yet.
  reads_early,          ///< Reads as owner before its copy has what the last owner wrote.
  copy_skips_resync,    ///< Goes on after a compaction without comparing the copy.
  copy_keeps_erased,    ///< Leaves what is gone when it compares the copy.
  position_apart,       ///< Stores how far the copy is in another transaction than the changes.
  flushes_without_id,   ///< Repeats a flush of counters that may have happened.
  flushes_unclaimed,    ///< Flushes whatever another process of the same node id has done.
  guards_dropped,       ///< Leaves the versions of what it has read out of durable writes.
  flaw_sentinel_
};

/// @returns the name of the enumerator.
std::string_view name(flaw x);

} // namespace shoal::cluster
