// SPDX-License-Identifier: Apache-2.0
#include "udp/key_rotation.hpp"

#include <algorithm>

namespace shoal::udp {

namespace {

bool same(const hash_key& a, const hash_key& b) {
  return a.k0 == b.k0 && a.k1 == b.k1;
}

} // namespace

bool key_rotation::change(const connection_keys& to, mono_time now) {
  auto same_current = same(to.current, given_.current);
  if (same_current
      && std::equal(to.others.begin(), to.others.end(), given_.others.begin(), given_.others.end(),
                    same))
    return false;
  if (!same_current) {
    before_ = at(now).current;
    issue_at_ = now + notice;
    forget_at_ = issue_at_ + connection_ids::life;
  }
  given_ = to;
  return true;
}

connection_keys key_rotation::at(mono_time now) const {
  auto keys = given_;
  if (now < forget_at_)
    keys.others.push_back(before_);
  if (now < issue_at_)
    std::swap(keys.current, keys.others.back());
  return keys;
}

} // namespace shoal::udp
