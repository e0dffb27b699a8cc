// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_peers.hpp"

#include "cluster/home_slot.hpp"

namespace shoal {

namespace {

size_t home_of_hash(const registry_planner& known, std::string_view hash) {
  if (auto entry = known.find(hash))
    return slot_of_key(table::entries, entry->hashes.primary_key());
  return slot_of_key(table::aliases, hash);
}

} // namespace

size_t home_of(const registry_planner& known, const lookup_entry& x) {
  return home_of_hash(known, x.hash);
}

size_t home_of(const registry_planner& known, const register_entry& x) {
  return home_of_hash(known, x.entry.hashes.primary_key());
}

size_t home_of(const registry_planner& known, const publish_revision& x) {
  return home_of_hash(known, x.entry.hashes.primary_key());
}

size_t home_of(const registry_planner& known, const remove_entry& x) {
  return home_of_hash(known, x.hash);
}

size_t home_of(const registry_planner& known, const remove_revision& x) {
  auto planned = known.remove_revision(x.id, x.rev);
  return planned ? home_slot(planned->commit) : slot_of_key(table::refs, x.id + '@' + x.rev);
}

// Blocking writes no entry, so it is made where the hash belongs.
size_t home_of(const registry_planner&, const blocked_hash& x) {
  return slot_of_key(table::blocked, x.hash);
}

size_t home_of(const registry_planner&, const unblock_hash& x) {
  return slot_of_key(table::blocked, x.hash);
}

search_meters::search_meters(metrics::registry& to)
    : served_{to.add_counter("shoal_registry_searches_served_total",
                             "Parts of searches answered for other nodes")} {
  constexpr std::array<std::string_view, source_count> names{"here",  "zone",    "elsewhere",
                                                             "owner", "standby", "copy"};
  for (size_t i = 0; i < source_count; ++i)
    parts_[i]
        = &to.add_counter("shoal_registry_search_parts_total", "Parts of searches, by who answered",
                          "from=" + metrics::quoted(names[i]));
}

std::optional<keep_objects> objects_of(const register_entry& x) {
  keep_objects wanted;
  for (auto* object : {&x.entry.torrent_object, &x.entry.twin_torrent_object})
    if (*object)
      wanted.objects.push_back(**object);
  if (wanted.objects.empty())
    return std::nullopt;
  return wanted;
}

std::optional<keep_objects> objects_of(const publish_revision& x) {
  auto wanted = objects_of(register_entry{x.entry}).value_or(keep_objects{});
  wanted.objects.push_back(x.what.manifest);
  wanted.manifest = x.what.manifest;
  return wanted;
}

} // namespace shoal
