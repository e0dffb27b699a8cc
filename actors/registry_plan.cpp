// SPDX-License-Identifier: Apache-2.0
#include "actors/registry_plan.hpp"

#include "protocol/model_id.hpp"

#include <algorithm>

namespace shoal {

namespace {

std::string text(const info_hash& hash) {
  return std::string{hash.chars()};
}

/// Every name under which somebody might register or announce the torrent again.
std::vector<std::string> all_names(const torrent_hashes& hashes) {
  std::vector<std::string> names;
  if (hashes.v2)
    names.emplace_back(hashes.v2->chars());
  for (auto& [hash, source] : hashes.swarms())
    names.emplace_back(hash.chars());
  return names;
}

void put(registry_plan& plan, table where, std::string key, std::string value) {
  plan.commit.mutations.push_back({where, std::move(key), std::move(value)});
}

void erase(registry_plan& plan, table where, std::string key) {
  plan.commit.mutations.push_back({where, std::move(key), std::nullopt});
}

/// What an update of an entry must not change.
void keep_history(registry_entry& wanted, const registry_entry& old) {
  wanted.verified = old.verified;
  wanted.completions = old.completions;
  wanted.created_at = old.created_at;
  if (!wanted.hashes.v1)
    wanted.hashes.v1 = old.hashes.v1;
  if (!wanted.hashes.twin) {
    wanted.hashes.twin = old.hashes.twin;
    wanted.twin_torrent_object = old.twin_torrent_object;
  }
  if (!wanted.torrent_object) {
    wanted.torrent_object = old.torrent_object;
    wanted.is_private = old.is_private;
  }
  if (wanted.model_ref.empty())
    wanted.model_ref = old.model_ref;
}

} // namespace

// -- reading ---------------------------------------------------------------------

result<std::optional<versioned>> registry_planner::read(registry_plan& plan, table where,
                                                        std::string_view key) const {
  auto found = store_.get(where, key);
  if (found) {
    auto revision = *found ? (*found)->revision : 0;
    plan.commit.guards.push_back({where, std::string{key}, revision});
  }
  return found;
}

result<std::optional<registry_entry>> registry_planner::read_entry(registry_plan& plan,
                                                                   std::string_view hash) const {
  std::string key{hash};
  if (hash.size() == info_hash::size_bytes) {
    auto alias = read(plan, table::aliases, hash);
    if (!alias)
      return tl::unexpected{alias.error()};
    if (!*alias)
      return std::nullopt;
    auto record = decode_alias((*alias)->value);
    if (!record)
      return tl::unexpected{record.error()};
    key = record->primary_key;
  }
  auto found = read(plan, table::entries, key);
  if (!found)
    return tl::unexpected{found.error()};
  if (!*found)
    return std::nullopt;
  auto record = decode_entry((*found)->value);
  if (!record)
    return tl::unexpected{record.error()};
  return from_record(*record);
}

result<registry_entry> registry_planner::find(std::string_view hash) const {
  registry_plan scratch;
  auto found = read_entry(scratch, hash);
  if (!found)
    return tl::unexpected{found.error()};
  if (!*found)
    return fail(ec::not_found);
  return std::move(**found);
}

result<revision> registry_planner::find_revision(std::string_view id, std::string_view rev) const {
  auto key = std::string{id} + "@" + std::string{rev};
  auto found = store_.get(table::refs, key);
  if (!found)
    return tl::unexpected{found.error()};
  if (!*found)
    return fail(ec::not_found);
  auto record = decode_ref((*found)->value);
  if (!record)
    return tl::unexpected{record.error()};
  return from_record(key, *record);
}

// -- writing ---------------------------------------------------------------------

result<void> registry_planner::claim_hashes(registry_plan& plan,
                                            const torrent_hashes& hashes) const {
  for (auto& name : all_names(hashes)) {
    auto blocked = read(plan, table::blocked, name);
    if (!blocked)
      return tl::unexpected{blocked.error()};
    if (*blocked)
      return fail(ec::blocked);
  }
  auto key = hashes.primary_key();
  for (auto& [hash, source] : hashes.swarms()) {
    auto alias = read(plan, table::aliases, hash.chars());
    if (!alias)
      return tl::unexpected{alias.error()};
    if (!*alias) {
      put(plan, table::aliases, text(hash), encode(alias_record{key}));
      continue;
    }
    auto record = decode_alias((*alias)->value);
    if (!record)
      return tl::unexpected{record.error()};
    if (record->primary_key != key)
      return fail(ec::conflict, hash.hex() + " belongs to another entry");
  }
  return {};
}

result<registry_plan> registry_planner::register_entry(registry_entry wanted,
                                                       unix_seconds now) const {
  registry_plan plan;
  auto old = read_entry(plan, wanted.hashes.primary_key());
  if (!old)
    return tl::unexpected{old.error()};
  // A 20-byte hash may be the truncated v2 hash or the v1 hash of an entry that is known by more.
  if (*old && !wanted.hashes.v2)
    wanted.hashes = (*old)->hashes;
  wanted.created_at = now;
  wanted.updated_at = now;
  wanted.completions = 0;
  wanted.verified = false;
  if (*old) {
    if ((*old)->hashes.v1 && wanted.hashes.v1 && (*old)->hashes.v1 != wanted.hashes.v1)
      return fail(ec::conflict, "the entry has another v1_info_hash");
    keep_history(wanted, **old);
    for (auto& [hash, source] : (*old)->hashes.swarms()) {
      auto same = [&, &gone = hash](auto& x) { return x.first == gone; };
      auto now_swarms = wanted.hashes.swarms();
      if (std::none_of(now_swarms.begin(), now_swarms.end(), same))
        erase(plan, table::aliases, text(hash));
    }
  }
  if (auto claimed = claim_hashes(plan, wanted.hashes); !claimed)
    return tl::unexpected{claimed.error()};
  put(plan, table::entries, wanted.hashes.primary_key(), encode(to_record(wanted)));
  plan.before = std::move(*old);
  plan.after = std::move(wanted);
  return plan;
}

result<std::optional<ref_record>> registry_planner::read_ref(registry_plan& plan,
                                                             const std::string& key) const {
  auto found = read(plan, table::refs, key);
  if (!found)
    return tl::unexpected{found.error()};
  if (!*found)
    return std::nullopt;
  auto record = decode_ref((*found)->value);
  if (!record)
    return tl::unexpected{record.error()};
  return std::move(*record);
}

/// Notes in the parent who comes after it: so two commits on top of one cannot both be made.
result<void> registry_planner::follow_parent(registry_plan& plan, const publish_revision& wanted,
                                             ref_record& made) const {
  auto key_of = [&](const std::string& rev) { return wanted.what.id + "@" + rev; };
  auto parent = read_ref(plan, key_of(wanted.parent));
  if (!parent)
    return tl::unexpected{parent.error()};
  if (!*parent)
    return fail(ec::conflict, key_of(wanted.parent) + " is gone");
  auto& record = **parent;
  if (!record.successor.empty()) {
    auto other = read_ref(plan, key_of(record.successor));
    if (!other)
      return tl::unexpected{other.error()};
    if (*other) // Else it was made, and removed again.
      return fail(ec::conflict, key_of(wanted.parent) + " has a newer commit on top of it");
  }
  record.successor = wanted.what.rev;
  // Another node's clock may be behind that of who made the parent.
  made.created_at = std::max(made.created_at, record.created_at);
  put(plan, table::refs, key_of(wanted.parent), encode(record));
  plan.parent_after = from_record(key_of(wanted.parent), record);
  return {};
}

namespace {

/// Whether who publishes takes the place of a mirror, as the torrent is the same.
bool gives_way(const ref_record& there, const ref_record& made) {
  return there.is_mirror && !made.is_mirror && there.entry_keys == made.entry_keys;
}

/// A revision that is there already stays what it is.
result<void> repeat(const std::string& key, const ref_record& there, ref_record& made) {
  if (there.manifest != made.manifest)
    return fail(ec::conflict, key + " exists with other content");
  if (made.is_mirror && !there.is_mirror)
    return fail(ec::conflict, key + " is published here");
  made.created_at = there.created_at;
  made.successor = there.successor;
  return {};
}

} // namespace

result<registry_plan> registry_planner::publish(const publish_revision& wanted,
                                                unix_seconds now) const {
  auto key = wanted.what.id + "@" + wanted.what.rev;
  auto planned = register_entry(wanted.entry, now);
  if (!planned)
    return planned;
  // An entry belongs to one revision: a second one would take it over, and take it down.
  if (auto& before = planned->before;
      before && !before->model_ref.empty() && before->model_ref != key)
    return fail(ec::conflict, "the same torrent is published as " + before->model_ref);
  auto old = read_ref(*planned, key);
  if (!old)
    return tl::unexpected{old.error()};
  ref_record made;
  made.manifest = wanted.what.manifest;
  made.kind = wanted.what.kind;
  made.created_at = now;
  made.size_bytes = wanted.what.size_bytes;
  made.entry_keys = {wanted.what.entry_key};
  made.is_private = wanted.what.is_private;
  made.is_mirror = wanted.what.is_mirror;
  auto is_new = !*old || gives_way(**old, made);
  if (*old)
    planned->revision_before = from_record(key, **old);
  if (!is_new) {
    if (auto same = repeat(key, **old, made); !same)
      return tl::unexpected{same.error()};
  } else if (!wanted.parent.empty()) {
    if (auto followed = follow_parent(*planned, wanted, made); !followed)
      return tl::unexpected{followed.error()};
  }
  put(*planned, table::refs, key, encode(made));
  planned->revision_after = from_record(key, made);
  return planned;
}

void registry_planner::erase_entry(registry_plan& plan, const registry_entry& entry) const {
  erase(plan, table::entries, entry.hashes.primary_key());
  for (auto& [hash, source] : entry.hashes.swarms())
    erase(plan, table::aliases, text(hash));
}

result<registry_plan> registry_planner::remove(std::string_view hash, std::string reason,
                                               unix_seconds now) const {
  registry_plan plan;
  auto old = read_entry(plan, hash);
  if (!old)
    return tl::unexpected{old.error()};
  plan.blocked = *old ? all_names((*old)->hashes) : std::vector{std::string{hash}};
  if (!*old && hash.size() == sha256_digest::size_bytes)
    plan.blocked.push_back(text(truncate(*sha256_digest::from_bytes(hash))));
  for (auto& name : plan.blocked)
    put(plan, table::blocked, name, encode(blocked_record{reason, now}));
  if (*old) {
    erase_entry(plan, **old);
    auto& ref = (*old)->model_ref;
    if (auto at = ref.find('@'); at != std::string::npos) {
      auto found = read(plan, table::refs, ref);
      if (!found)
        return tl::unexpected{found.error()};
      if (*found) {
        if (auto record = decode_ref((*found)->value))
          plan.revision_before = from_record(ref, *record);
        erase(plan, table::refs, ref);
      }
    }
    plan.before = std::move(*old);
  }
  return plan;
}

result<registry_plan> registry_planner::remove_revision(std::string_view id,
                                                        std::string_view rev) const {
  registry_plan plan;
  auto key = std::string{id} + "@" + std::string{rev};
  auto found = read(plan, table::refs, key);
  if (!found)
    return tl::unexpected{found.error()};
  if (!*found)
    return fail(ec::not_found);
  auto record = decode_ref((*found)->value);
  if (!record)
    return tl::unexpected{record.error()};
  plan.revision_before = from_record(key, *record);
  erase(plan, table::refs, key);
  auto entry = read_entry(plan, plan.revision_before->entry_key);
  if (!entry)
    return tl::unexpected{entry.error()};
  if (*entry && (*entry)->model_ref == key) {
    erase_entry(plan, **entry);
    plan.before = std::move(*entry);
  }
  return plan;
}

result<registry_plan> registry_planner::block(const blocked_hash& wanted) const {
  registry_plan plan;
  plan.blocked = {wanted.hash};
  if (auto full = sha256_digest::from_bytes(wanted.hash))
    plan.blocked.push_back(text(truncate(*full)));
  for (auto& name : plan.blocked)
    put(plan, table::blocked, name, encode(blocked_record{wanted.reason, wanted.blocked_at}));
  return plan;
}

result<registry_plan> registry_planner::unblock(std::string_view hash) const {
  registry_plan plan;
  auto found = read(plan, table::blocked, hash);
  if (!found)
    return tl::unexpected{found.error()};
  if (!*found)
    return fail(ec::not_found);
  plan.unblocked = {std::string{hash}};
  if (auto full = sha256_digest::from_bytes(hash)) {
    plan.unblocked.push_back(text(truncate(*full)));
  } else {
    // The v2 hashes that this one stands for: their keys begin with it, so they follow it.
    auto scanned = store_.scan(table::blocked, hash, [&](auto key, auto, auto) {
      if (key.size() > hash.size() && key.starts_with(hash))
        plan.unblocked.emplace_back(key);
      return key.starts_with(hash);
    });
    if (!scanned)
      return tl::unexpected{scanned.error()};
  }
  for (auto& name : plan.unblocked)
    erase(plan, table::blocked, name);
  return plan;
}

result<registry_plan> registry_planner::add_completions(std::string_view key,
                                                        uint64_t count) const {
  registry_plan plan;
  auto old = read_entry(plan, key);
  if (!old)
    return tl::unexpected{old.error()};
  if (!*old)
    return fail(ec::not_found);
  plan.after = **old;
  plan.after->completions += count;
  plan.before = std::move(*old);
  put(plan, table::entries, plan.after->hashes.primary_key(), encode(to_record(*plan.after)));
  return plan;
}

// -- conversions -----------------------------------------------------------------

namespace {

/// What an entry and its record call by the same name.
void copy_shared(const auto& from, auto& to) {
  to.name = from.name;
  to.description = from.description;
  to.publisher = from.publisher;
  to.license = from.license;
  to.category = from.category;
  to.tags = from.tags;
  to.size_bytes = from.size_bytes;
  to.verified = from.verified;
  to.completions = from.completions;
  to.created_at = from.created_at;
  to.updated_at = from.updated_at;
  to.torrent_object = from.torrent_object;
  to.twin_torrent_object = from.twin_torrent_object;
  to.model_ref = from.model_ref;
  to.is_private = from.is_private;
}

} // namespace

entry_record to_record(const registry_entry& entry) {
  entry_record record;
  record.v1 = entry.hashes.v1;
  record.v2 = entry.hashes.v2;
  record.twin_v1 = entry.hashes.twin;
  copy_shared(entry, record);
  return record;
}

registry_entry from_record(const entry_record& record) {
  registry_entry entry;
  entry.hashes = {record.v2, record.v1, record.twin_v1};
  copy_shared(record, entry);
  return entry;
}

revision from_record(std::string_view key, const ref_record& record) {
  auto at = key.rfind('@');
  revision made;
  made.id = key.substr(0, at);
  made.rev = at == std::string_view::npos ? "" : key.substr(at + 1);
  made.kind = record.kind;
  made.manifest = record.manifest;
  made.entry_key = record.entry_keys.empty() ? "" : record.entry_keys.front();
  made.size_bytes = record.size_bytes;
  made.created_at = record.created_at;
  made.is_private = record.is_private;
  made.successor = record.successor;
  made.is_mirror = record.is_mirror;
  return made;
}

} // namespace shoal
