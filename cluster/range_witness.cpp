// SPDX-License-Identifier: Apache-2.0
#include "cluster/range_witness.hpp"

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;

namespace {

/// FNV-1a: nobody has an interest in values that collide.
uint64_t hash_of(std::string_view value) {
  uint64_t hash = 0xcbf29ce484222325;
  for (auto c : value)
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

} // namespace

bool range_witness::is(const key_value& kv) const {
  return kv.key == key && kv.mod_revision == revision && hash_of(kv.value) == value_hash;
}

range_witness range_witness::of(const key_value& newest, uint64_t read_at) {
  return {newest.mod_revision, read_at, hash_of(newest.value), newest.key};
}

range_witness range_witness::of(std::span<const watch_event> events) {
  auto last = events.back().kv.mod_revision;
  auto found = std::find_if(events.rbegin(), events.rend(), [last](const auto& e) {
    return e.kv.mod_revision == last && !e.erased;
  });
  return found == events.rend() ? range_witness{} : of(found->kv, last);
}

std::string went_back_words(uint64_t from, uint64_t to) {
  if (to < from)
    return "etcd is at revision " + std::to_string(to) + ", but this node has seen "
           + std::to_string(from) + ": it was restored from an old backup";
  return "etcd is at revision " + std::to_string(to) + ", but has not what this node saw at "
         + std::to_string(from) + ": it was restored from an old backup and has gone on since";
}

} // namespace shoal::cluster
