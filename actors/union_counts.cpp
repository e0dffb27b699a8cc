// SPDX-License-Identifier: Apache-2.0
#include "actors/union_counts.hpp"

#include "core/error.hpp"

#include <vector>

namespace shoal {

void union_counts::apply(size_t source, const peer_change& change) {
  SHOAL_CHECK(source < sources_max);
  auto present = uint8_t(1u << source);
  auto seeding = uint8_t(0x10u << source);
  auto found = members_.find(change.identity);
  auto before = found ? *found : uint8_t{0};
  auto after = uint8_t(before & ~(present | seeding));
  if (change.state != peer_change::to::gone)
    after |= present;
  if (change.state == peer_change::to::seeder)
    after |= seeding;
  if (after == 0)
    members_.erase(change.identity);
  else if (found)
    *found = after;
  else
    members_[change.identity] = after;
  recount(before, after);
}

void union_counts::apply(size_t source, std::span<const peer_change> changes) {
  for (const auto& change : changes)
    apply(source, change);
}

void union_counts::drop_source(size_t source) {
  SHOAL_CHECK(source < sources_max);
  auto mask = uint8_t(0x11u << source);
  members_.erase_if([&](uint64_t, uint8_t& member) {
    auto before = member;
    member = uint8_t(member & ~mask);
    recount(before, member);
    return member == 0;
  });
}

void union_counts::recount(uint8_t before, uint8_t after) {
  auto add = [this](uint8_t member, int by) {
    if (member & 0xf0)
      seeders_ += uint32_t(by);
    else if (member)
      leechers_ += uint32_t(by);
  };
  add(before, -1);
  add(after, 1);
}

} // namespace shoal
