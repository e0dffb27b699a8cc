// SPDX-License-Identifier: Apache-2.0
// Who needs an object, and what goes: the part of object_store that moves between kept and cached.
#include "persistence/object_store.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Objects in one transaction of the index.
constexpr size_t batch_objects = 4096;

} // namespace

/// @returns the record of an object that is here, made if there is none.
result<object_store::row> object_store::row_of(const sha256_digest& object) const {
  auto known = index_->find(object);
  if (!known)
    return tl::unexpected(known.error());
  auto kept = kept_->size(object);
  auto found = kept ? kept : cached_->size(object);
  if (!found)
    return fail(ec::not_found, "object " + object.hex());
  if (*known && !(*known)->lost)
    return row{object, **known, false};
  auto record = known->value_or(object_record{});
  record.size_bytes = *found;
  record.kept = kept.has_value();
  record.lost = false;
  record.verified_at = config_.now(); // It has just come, through `files()`.
  if (!*known)
    record.added_at = record.verified_at;
  return row{object, record, false};
}

result<void> object_store::pin(const std::string& owner, std::vector<sha256_digest> objects) {
  std::sort(objects.begin(), objects.end());
  objects.erase(std::unique(objects.begin(), objects.end()), objects.end());
  for (size_t at = 0; at < objects.size(); at += batch_objects) {
    auto batch = std::span(objects).subspan(at, std::min(batch_objects, objects.size() - at));
    std::lock_guard lock(change_mutex_);
    if (auto pinned = pin_locked(owner, batch); !pinned)
      return pinned;
  }
  return {};
}

/// The index first: whoever is killed in between finds what was pinned in the cache, and the census
/// moves it.
result<void> object_store::pin_locked(const std::string& owner,
                                      std::span<const sha256_digest> objects) {
  std::vector<row> rows;
  for (auto& object : objects) {
    auto r = row_of(object);
    if (!r)
      return tl::unexpected(r.error());
    rows.push_back(std::move(*r));
  }
  if (auto pinned = index_->pin(owner, rows); !pinned)
    return pinned;
  for (auto& r : rows) {
    ledger_->remove(r.object);
    if (!cached_->size(r.object))
      continue;
    if (auto moved = cached_->move_to(*kept_, r.object); !moved)
      return moved;
  }
  std::lock_guard lock(facts_mutex_);
  for (auto& r : rows)
    lost_.erase(r.object);
  return {};
}

result<void> object_store::note_found(const sha256_digest& object) {
  std::lock_guard lock(change_mutex_);
  return kept_->size(object) ? note_arrival_locked(object, true)
                             : fail(ec::not_found, "object " + object.hex());
}

result<void> object_store::unpin(const std::string& owner,
                                 const std::vector<sha256_digest>& objects) {
  for (size_t at = 0; at < objects.size(); at += batch_objects) {
    auto batch = std::span(objects).subspan(at, std::min(batch_objects, objects.size() - at));
    std::lock_guard lock(change_mutex_);
    auto changed = index_->unpin(owner, batch);
    if (!changed)
      return tl::unexpected(changed.error());
    if (auto given = give_back_locked(*changed); !given)
      return given;
  }
  return {};
}

result<void> object_store::unpin_all(const std::string& owner) {
  for (;;) {
    auto objects = index_->pinned_by(owner, {}, batch_objects);
    if (!objects)
      return tl::unexpected(objects.error());
    if (objects->empty())
      return {};
    if (auto unpinned = unpin(owner, *objects); !unpinned)
      return unpinned;
  }
}

/// Objects that nobody pins any more, as the index says already.
result<void> object_store::give_back_locked(std::span<const row> rows) {
  for (auto& [object, record, damaged] : rows) {
    if (record.pins > 0)
      continue;
    auto gone
        = record.lost || record.in_place ? std::nullopt : ledger_->make_room(record.size_bytes);
    if (gone) {
      if (auto evicted = evict_locked(*gone); !evicted)
        return evicted;
      auto moved = kept_->move_to(*cached_, object);
      if (moved)
        ledger_->add(object, record.size_bytes);
      else if (moved.error().code != ec::not_found)
        return moved;
      continue;
    }
    if (auto removed = kept_->remove(object); !removed)
      return removed;
    if (auto erased = index_->erase({&object, 1}); !erased)
      return erased;
    forget_facts(object, record);
  }
  return {};
}

result<void> object_store::remove(const sha256_digest& object) {
  std::lock_guard lock(change_mutex_);
  auto known = index_->find(object);
  if (!known)
    return tl::unexpected(known.error());
  for (auto* files : {kept_.get(), cached_.get()})
    if (auto removed = files->remove(object); !removed)
      return removed;
  ledger_->remove(object);
  if (auto erased = index_->erase({&object, 1}); !erased)
    return erased;
  forget_facts(object, *known);
  return {};
}

/// @param record what the index said before.
void object_store::forget_facts(const sha256_digest& object,
                                const std::optional<object_record>& record) {
  std::lock_guard lock(facts_mutex_);
  lost_.erase(object);
  if (record && record->in_place) {
    in_place_.bytes -= record->size_bytes;
    --in_place_.count;
  }
}

// -- eviction --------------------------------------------------------------------------------

/// The ledger has forgotten them. A record that stays behind is dropped by the next census.
result<void> object_store::evict_locked(const std::vector<sha256_digest>& objects) {
  for (auto& object : objects)
    if (auto removed = cached_->remove(object); !removed)
      return removed;
  evicted_ += objects.size();
  return objects.empty() ? result<void>() : index_->erase(objects);
}

result<void> object_store::set_cache_bound(uint64_t bytes) {
  std::lock_guard lock(change_mutex_);
  return evict_locked(ledger_->set_bound(bytes));
}

uint64_t object_store::free_disk(uint64_t bytes) {
  std::lock_guard lock(change_mutex_);
  auto bound = ledger_->bound();
  auto before = cached_->usage().bytes;
  auto used = ledger_->bytes();
  auto gone = ledger_->set_bound(used - std::min(used, bytes));
  ledger_->set_bound(bound);
  (void)evict_locked(gone); // Its measure is what the disk has now.
  return before - cached_->usage().bytes;
}

result<void> object_store::save_standings() {
  std::vector<row> changed;
  auto flush = [&]() -> result<void> {
    std::lock_guard lock(change_mutex_);
    // Of those that are cached still: others have a record of their own by now.
    std::erase_if(changed, [&](const row& r) { return !ledger_->contains(r.object); });
    auto written = index_->put(changed);
    changed.clear();
    return written;
  };
  result<void> flushed;
  auto scanned = index_->scan({}, [&](const sha256_digest& object, object_record&& record) {
    auto known = record.kept ? std::nullopt : ledger_->standing_of(object);
    if (known && *known != cache_policy::standing{record.hits, record.settled}) {
      record.hits = known->hits;
      record.settled = known->settled;
      changed.push_back({object, std::move(record), false});
    }
    if (changed.size() == batch_objects)
      flushed = flush();
    return flushed.has_value();
  });
  if (!scanned || !flushed)
    return scanned ? flushed : scanned;
  return flush();
}

result<std::vector<sha256_digest>> object_store::unclaimed(unix_seconds before, size_t max) const {
  std::vector<sha256_digest> found;
  auto scanned = index_->scan({}, [&](const sha256_digest& object, object_record&& record) {
    if (record.kept && record.pins == 0 && record.added_at < before)
      found.push_back(object);
    return found.size() < max;
  });
  if (!scanned)
    return tl::unexpected(scanned.error());
  return found;
}

result<size_t> object_store::give_up_unclaimed(unix_seconds before, size_t max) {
  auto objects = unclaimed(before, max);
  if (!objects)
    return tl::unexpected(objects.error());
  std::lock_guard lock(change_mutex_);
  std::vector<row> rows;
  for (auto& object : *objects) {
    auto known = index_->find(object);
    if (!known)
      return tl::unexpected(known.error());
    // Somebody may have pinned it since.
    if (*known && (*known)->kept && (*known)->pins == 0) {
      (*known)->kept = false;
      rows.push_back({object, std::move(**known), false});
    }
  }
  // The index first, as with pins.
  if (auto written = index_->put(rows); !written)
    return tl::unexpected(written.error());
  auto given = give_back_locked(rows);
  return given ? result<size_t>(rows.size()) : tl::unexpected(given.error());
}

std::vector<sha256_digest> object_store::lost(const sha256_digest& from, size_t max) const {
  std::lock_guard lock(facts_mutex_);
  std::vector<sha256_digest> found;
  for (auto it = lost_.lower_bound(from); it != lost_.end() && found.size() < max; ++it)
    found.push_back(*it);
  return found;
}

} // namespace shoal
