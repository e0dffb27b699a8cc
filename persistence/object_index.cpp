// SPDX-License-Identifier: Apache-2.0
#include "persistence/object_index.hpp"

#include <limits>

namespace shoal {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t initial_map_bytes = uint64_t{4} << 20;

std::string pin_key(const sha256_digest& object, const std::string& owner) {
  return std::string(object.chars()) + owner;
}

std::string owner_prefix(const std::string& owner) {
  return owner + '\0';
}

std::string owner_key(const sha256_digest& object, const std::string& owner) {
  return owner_prefix(owner) + std::string(object.chars());
}

mutation write_of(const sha256_digest& object, const object_record& record) {
  return {table::objects, std::string(object.chars()), encode(record)};
}

result<void> check_owner(const std::string& owner) {
  if (owner.empty() || owner.size() > object_index::owner_bytes_max
      || owner.find('\0') != std::string::npos)
    return fail(ec::invalid_argument, "an owner of objects has 1 to 400 bytes, none of them zero");
  return {};
}

/// @returns the object of a key that ends with one.
std::optional<sha256_digest> object_at_end(std::string_view key, size_t prefix_bytes) {
  return sha256_digest::from_bytes(key.substr(std::min(prefix_bytes, key.size())));
}

/// What was not damaged has been seen, and what is damaged is written anew sooner or later.
result<void> but_for_damage(result<void> scanned) {
  if (!scanned && scanned.error().code == ec::corrupt)
    return {};
  return scanned;
}

result<void> commit(lmdb_store& store, commit_request what) {
  if (what.mutations.empty())
    return {};
  auto done = store.commit(what);
  if (!done)
    return tl::unexpected(done.error());
  return {};
}

} // namespace

result<std::unique_ptr<object_index>> object_index::open(const fs::path& folder, bool sync) {
  lmdb_config config;
  config.path = folder;
  config.initial_map_bytes = initial_map_bytes;
  config.sync = sync;
  config.tables = object_index_tables;
  std::unique_ptr<object_index> self(new object_index);
  auto store = lmdb_store::open(config);
  if (!store && store.error().code == ec::corrupt) {
    self->damage_ = store.error();
    auto aside = folder;
    aside += ".damaged";
    std::error_code failure;
    fs::remove_all(aside, failure);
    fs::rename(folder, aside, failure);
    if (failure)
      return tl::unexpected(errno_error(failure.value(), "move away", folder));
    store = lmdb_store::open(config);
  }
  if (!store)
    return tl::unexpected(store.error());
  self->store_ = std::move(*store);
  return self;
}

// -- reading -------------------------------------------------------------------------------

result<std::optional<object_record>> object_index::find(const sha256_digest& object) const {
  auto found = store_->get(table::objects, object.chars());
  if (!found && found.error().code == ec::corrupt)
    return std::nullopt;
  if (!found)
    return tl::unexpected(found.error());
  if (!*found)
    return std::nullopt;
  auto record = decode_object((*found)->value);
  if (!record)
    return std::nullopt;
  return std::optional(std::move(*record));
}

result<std::vector<object_index::row>> object_index::bucket(uint8_t first_byte) const {
  std::string first(1, static_cast<char>(first_byte));
  std::vector<row> rows;
  // Keys first, because a scan of values passes over damaged ones.
  auto keys = store_->scan_keys(table::objects, first, [&](std::string_view key, uint64_t) {
    auto object = sha256_digest::from_bytes(key);
    if (!key.starts_with(first))
      return false;
    if (object)
      rows.push_back({*object, {}, true});
    return true;
  });
  if (!keys)
    return tl::unexpected(keys.error());
  size_t at = 0;
  auto scanned = scan(rows.empty() ? sha256_digest{} : rows.front().object,
                      [&](const sha256_digest& object, object_record&& record) {
                        while (at < rows.size() && rows[at].object < object)
                          ++at;
                        if (at == rows.size())
                          return false;
                        if (rows[at].object == object)
                          rows[at] = {object, std::move(record), false};
                        return true;
                      });
  if (!scanned)
    return tl::unexpected(scanned.error());
  for (auto& r : rows)
    if (r.damaged) {
      auto owners = owners_of(r.object, std::numeric_limits<size_t>::max());
      if (!owners)
        return tl::unexpected(owners.error());
      r.record.pins = owners->size();
    }
  return rows;
}

result<void>
object_index::scan(const sha256_digest& from,
                   const std::function<bool(const sha256_digest&, object_record&&)>& visit) const {
  return but_for_damage(store_->scan(
      table::objects, from.chars(), [&](std::string_view key, std::string_view value, uint64_t) {
        auto object = sha256_digest::from_bytes(key);
        auto record = decode_object(value);
        return !object || !record || visit(*object, std::move(*record));
      }));
}

result<std::vector<sha256_digest>>
object_index::pinned_by(const std::string& owner, const sha256_digest& from, size_t max) const {
  std::vector<sha256_digest> objects;
  auto prefix = owner_prefix(owner);
  auto scanned
      = store_->scan_keys(table::owners, owner_key(from, owner), [&](std::string_view key, auto) {
          if (!key.starts_with(prefix) || objects.size() == max)
            return false;
          if (auto object = object_at_end(key, prefix.size()))
            objects.push_back(*object);
          return true;
        });
  if (!scanned)
    return tl::unexpected(scanned.error());
  return objects;
}

result<std::vector<std::string>> object_index::owners_of(const sha256_digest& object,
                                                         size_t max) const {
  std::vector<std::string> owners;
  auto scanned = store_->scan_keys(table::pins, object.chars(), [&](std::string_view key, auto) {
    if (!key.starts_with(object.chars()) || owners.size() == max)
      return false;
    owners.emplace_back(key.substr(sha256_digest::size_bytes));
    return true;
  });
  if (!scanned)
    return tl::unexpected(scanned.error());
  return owners;
}

result<std::vector<std::string>> object_index::owners_after(const std::string& owner,
                                                            size_t max) const {
  std::vector<std::string> owners;
  // A zero ends an owner's name, and no name has a byte below this one.
  auto first = owner + '\x01';
  auto scanned = store_->scan_keys(table::owners, first, [&](std::string_view key, auto) {
    auto name = key.substr(0, key.find('\0'));
    if (!owners.empty() && owners.back() == name)
      return true;
    if (owners.size() == max)
      return false;
    owners.emplace_back(name);
    return true;
  });
  if (!scanned)
    return tl::unexpected(scanned.error());
  return owners;
}

result<bool> object_index::is_pinned(const sha256_digest& object, const std::string& owner) const {
  auto found = store_->get(table::pins, pin_key(object, owner));
  if (!found && found.error().code != ec::corrupt) // The key is there, and says all.
    return tl::unexpected(found.error());
  return !found || found->has_value();
}

// -- writing -------------------------------------------------------------------------------

result<void> object_index::put(std::span<const row> rows) {
  commit_request request;
  for (auto& r : rows)
    request.mutations.push_back(write_of(r.object, r.record));
  return commit(*store_, std::move(request));
}

result<void> object_index::erase(std::span<const sha256_digest> objects) {
  commit_request request;
  for (auto& object : objects) {
    auto owners = owners_of(object, std::numeric_limits<size_t>::max());
    if (!owners)
      return tl::unexpected(owners.error());
    for (auto& owner : *owners) {
      request.mutations.push_back({table::pins, pin_key(object, owner), std::nullopt});
      request.mutations.push_back({table::owners, owner_key(object, owner), std::nullopt});
    }
    request.mutations.push_back({table::objects, std::string(object.chars()), std::nullopt});
  }
  return commit(*store_, std::move(request));
}

result<void> object_index::pin(const std::string& owner, std::span<const row> rows) {
  if (auto checked = check_owner(owner); !checked)
    return checked;
  commit_request request;
  for (auto& r : rows) {
    auto pinned = is_pinned(r.object, owner);
    if (!pinned)
      return tl::unexpected(pinned.error());
    auto record = r.record;
    record.kept = true;
    if (!*pinned) {
      ++record.pins;
      request.mutations.push_back({table::pins, pin_key(r.object, owner), std::string()});
      request.mutations.push_back({table::owners, owner_key(r.object, owner), std::string()});
    }
    request.mutations.push_back(write_of(r.object, record));
  }
  return commit(*store_, std::move(request));
}

result<std::vector<object_index::row>> object_index::unpin(const std::string& owner,
                                                           std::span<const sha256_digest> objects) {
  commit_request request;
  std::vector<row> changed;
  for (auto& object : objects) {
    auto pinned = is_pinned(object, owner);
    auto known = find(object);
    if (!pinned || !known)
      return tl::unexpected(pinned ? known.error() : pinned.error());
    if (!*pinned)
      continue;
    request.mutations.push_back({table::pins, pin_key(object, owner), std::nullopt});
    request.mutations.push_back({table::owners, owner_key(object, owner), std::nullopt});
    if (!*known)
      continue; // A damaged record: the census makes a new one.
    auto& record = **known;
    record.pins -= record.pins > 0 ? 1 : 0;
    record.kept = record.pins > 0;
    request.mutations.push_back(write_of(object, record));
    changed.push_back({object, std::move(record), false});
  }
  if (auto done = commit(*store_, std::move(request)); !done)
    return tl::unexpected(done.error());
  return changed;
}

} // namespace shoal
