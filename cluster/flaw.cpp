// SPDX-License-Identifier: Apache-2.0
#include "cluster/flaw.hpp"

#include "cluster/traffic_flaw.hpp"

#include <array>

namespace shoal::cluster {

std::string_view name(flaw x) {
  constexpr std::array<std::string_view, 22> names{"none",
                                                   "lease_from_answer",
                                                   "lease_without_end",
                                                   "lease_without_margin",
                                                   "acts_until_tick",
                                                   "no_resync",
                                                   "claims_blindly",
                                                   "hands_over_acting",
                                                   "resumes_blindly",
                                                   "hands_over_cold",
                                                   "writes_unguarded",
                                                   "unknown_is_failure",
                                                   "unknown_is_success",
                                                   "retries_blindly",
                                                   "acks_unapplied",
                                                   "reads_early",
                                                   "copy_skips_resync",
                                                   "copy_keeps_erased",
                                                   "position_apart",
                                                   "flushes_without_id",
                                                   "flushes_unclaimed",
                                                   "guards_dropped"};
  static_assert(names.size() == static_cast<size_t>(flaw::flaw_sentinel_));
  return names[static_cast<size_t>(x)];
}

std::string_view name(traffic_flaw x) {
  constexpr std::array<std::string_view, 15> names{"none",
                                                   "waits_for_owner",
                                                   "drops_on_break",
                                                   "drops_moved",
                                                   "never_stands_in",
                                                   "forgets_copy",
                                                   "skips_full_sync",
                                                   "no_last_words",
                                                   "keeps_strays",
                                                   "lets_go_unheard",
                                                   "lets_go_unseen",
                                                   "reads_without_lease",
                                                   "reads_unready",
                                                   "believes_copies",
                                                   "skips_proof"};
  static_assert(names.size() == static_cast<size_t>(traffic_flaw::traffic_flaw_sentinel_));
  return names[static_cast<size_t>(x)];
}

} // namespace shoal::cluster
