// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_complaints.hpp"

#include "core/limits.hpp"

namespace shoal::cluster {

namespace {

/// Whether it comes and goes by itself: nodes hear at different times who is registered, dial at
/// the same time, and leave.
bool is_race(link_refusal x) {
  return x == link_refusal::unknown_node || x == link_refusal::old_incarnation
         || x == link_refusal::superseded || x == link_refusal::shutting_down;
}

} // namespace

link_complaints::tone link_complaints::about(const std::string& node, const std::string& text,
                                             std::optional<link_refusal> reason, mono_time now) {
  if (reason && is_race(*reason))
    if (auto how = about_race(node, now); how != tone::warning)
      return how;
  std::erase_if(said_, [&](auto& x) { return x.second + period <= now; });
  auto is_news
      = said_.size() < limits::link_complaints_max && said_.emplace(node + text, now).second;
  return is_news ? tone::warning : tone::debug;
}

link_complaints::tone link_complaints::about_race(const std::string& node, mono_time now) {
  std::erase_if(races_, [&](auto& x) { return x.second.last + race_gap <= now; });
  auto known = races_.find(node);
  if (known == races_.end() && races_.size() >= limits::link_complaints_max)
    return tone::debug;
  if (known == races_.end()) {
    races_.emplace(node, race{now, now});
    return tone::info;
  }
  known->second.last = now;
  return now - known->second.first >= race_patience ? tone::warning : tone::debug;
}

} // namespace shoal::cluster
