// SPDX-License-Identifier: Apache-2.0
#include "persistence/object_claims.hpp"

#include "core/hex.hpp"
#include "core/limits.hpp"
#include "persistence/object_owners.hpp"
#include "protocol/manifest.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr std::string_view revision_prefix = "rev ";
constexpr std::string_view entry_prefix = "entry ";
constexpr std::string_view hold_prefix = "hold ";

std::string owner_of_entry(std::string_view key) {
  return std::string(entry_prefix) + to_hex(as_bytes(key));
}

/// @returns the key of an entry from what its owner is called.
std::optional<std::string> key_of(std::string_view hex) {
  std::string key(hex.size() / 2, '\0');
  auto out = std::span(reinterpret_cast<uint8_t*>(key.data()), key.size());
  return from_hex(hex, out) ? std::optional(std::move(key)) : std::nullopt;
}

void sort_out(std::vector<sha256_digest>& objects) {
  std::sort(objects.begin(), objects.end());
  objects.erase(std::unique(objects.begin(), objects.end()), objects.end());
}

/// @returns the keys after one, at most `max`.
result<std::vector<std::string>> keys_after(const lmdb_store& store, table where,
                                            const std::string& last, size_t max) {
  std::vector<std::string> keys;
  auto scanned = store.scan_keys(where, last, [&](std::string_view key, uint64_t) {
    if (key != last)
      keys.emplace_back(key);
    return keys.size() < max;
  });
  if (!scanned)
    return tl::unexpected(scanned.error());
  return keys;
}

} // namespace

std::string owner_of_revision(std::string_view key) {
  return std::string(revision_prefix) + std::string(key);
}

std::optional<std::string> revision_of_owner(std::string_view owner) {
  if (!owner.starts_with(revision_prefix))
    return std::nullopt;
  return std::string(owner.substr(revision_prefix.size()));
}

// -- holds ---------------------------------------------------------------------------------

object_claims::hold::hold(hold&& other) noexcept
    : of_(std::exchange(other.of_, nullptr)), owner_(std::move(other.owner_)) {}

object_claims::hold::~hold() {
  if (!of_)
    return;
  std::lock_guard lock(of_->mutex_);
  of_->holds_.erase(owner_);
  if (of_->must_stay())
    of_->too_many_.insert(owner_);
  else
    (void)of_->objects_.unpin_all(owner_); // What stays pinned is let go at the next start.
}

result<object_claims::hold> object_claims::take(std::vector<sha256_digest> objects) {
  std::lock_guard lock(mutex_);
  auto owner = std::string(hold_prefix) + std::to_string(++serial_);
  // One of an earlier process may have the same name, and is nobody's.
  if (auto gone = objects_.unpin_all(owner); !gone)
    return tl::unexpected(gone.error());
  if (auto pinned = objects_.pin(owner, std::move(objects)); !pinned) {
    (void)objects_.unpin_all(owner);
    return tl::unexpected(pinned.error());
  }
  holds_.insert(owner);
  return hold(*this, std::move(owner));
}

// -- records -------------------------------------------------------------------------------

object_claims::named object_claims::named_by_revision(std::string_view key) const {
  named what;
  auto found = registry_.get(table::refs, key);
  if (found && !*found)
    return what;
  what.exists = true;
  auto record = found ? decode_ref((*found)->value) : tl::unexpected(found.error());
  what.known = record.has_value();
  if (!record)
    return what;
  what.objects.push_back(record->manifest);
  what.manifest = record->manifest;
  auto content
      = objects_.load(record->manifest, limits::manifest_bytes_max).and_then(decode_manifest);
  what.known = content.has_value();
  if (!content)
    return what;
  for (auto& file : content->files)
    if (!record->is_mirror || file.size_bytes == 0) // Empty ones cost nothing, and no pull.
      what.objects.push_back(file.sha256);
  for (auto& torrent : content->torrents)
    what.objects.push_back(torrent.object);
  for (auto& card : content->cards)
    if (card.preview)
      what.objects.push_back(*card.preview);
  return what;
}

object_claims::named object_claims::named_by_entry(std::string_view key) const {
  named what;
  auto found = registry_.get(table::entries, key);
  if (found && !*found)
    return what;
  what.exists = true;
  auto record = found ? decode_entry((*found)->value) : tl::unexpected(found.error());
  what.known = record.has_value();
  if (record)
    for (auto& object : {record->torrent_object, record->twin_torrent_object})
      if (object)
        what.objects.push_back(*object);
  return what;
}

result<bool> object_claims::settle_revision(std::string_view key) {
  std::lock_guard lock(mutex_);
  auto what = named_by_revision(key);
  auto exists = what.exists;
  return settle(owner_of_revision(key), std::move(what)).map([&] { return exists; });
}

result<bool> object_claims::settle_entry(std::string_view key) {
  std::lock_guard lock(mutex_);
  auto what = named_by_entry(key);
  auto exists = what.exists;
  return settle(owner_of_entry(key), std::move(what)).map([&] { return exists; });
}

/// @returns what is here and is to be pinned, and is not.
std::vector<sha256_digest> object_claims::to_pin(const std::string& owner, const named& what,
                                                 const std::vector<sha256_digest>& pinned) {
  std::vector<sha256_digest> more;
  for (auto& object : what.objects) {
    auto here = objects_.size(object).has_value();
    auto kept = here && objects_.is_kept(object);
    auto wanted
        = !neighbours_ || neighbours_->look_at(object, here, kept, what.manifest == object, owner);
    if (here && !std::binary_search(pinned.begin(), pinned.end(), object) && (wanted || kept))
      more.push_back(object);
  }
  return more;
}

/// Keeps account of manifests that have never been here.
void object_claims::note_unread(const std::string& owner, const named& what,
                                const std::vector<sha256_digest>& pinned) {
  if (!neighbours_ || !owner.starts_with(revision_prefix))
    return;
  auto has_been_here
      = what.manifest && std::binary_search(pinned.begin(), pinned.end(), *what.manifest);
  if (!what.exists || what.known || has_been_here)
    unread_.erase(owner);
  else if (auto since = now_(); unread_.emplace(owner, since).second)
    unread_order_.emplace_back(since, owner);
  unread_count_ = unread_.size();
  if (unread_order_.size() > 2 * unread_.size() + 100)
    std::erase_if(unread_order_, [&](auto& x) { return !unread_.contains(x.second); });
}

/// Whether a manifest may still come that names what nothing else does: the one that was seen last
/// decides.
bool object_claims::must_stay() const {
  auto is_over = [&](auto& x) {
    auto found = unread_.find(x.second);
    return found == unread_.end() || found->second != x.first;
  };
  while (!unread_order_.empty() && is_over(unread_order_.back()))
    unread_order_.pop_back();
  return !unread_order_.empty() && now_() - unread_order_.back().first < manifest_patience;
}

/// Pins what is here and not pinned, lets go of what is pinned and not named.
result<void> object_claims::settle(const std::string& owner, named what) {
  sort_out(what.objects);
  auto have = objects_.index().pinned_by(owner, {}, std::numeric_limits<size_t>::max());
  if (!have)
    return tl::unexpected(have.error());
  note_unread(owner, what, *have);
  auto more = to_pin(owner, what, *have);
  if (!more.empty())
    if (auto pinned = objects_.pin(owner, std::move(more)); !pinned)
      return pinned;
  if (!what.known)
    return {};
  std::vector<sha256_digest> less;
  std::set_difference(have->begin(), have->end(), what.objects.begin(), what.objects.end(),
                      std::back_inserter(less));
  if (less.empty())
    return {};
  if (phase_ < phase::owners || must_stay()) {
    too_many_.insert(owner);
    return {};
  }
  return objects_.unpin(owner, less);
}

result<void> object_claims::release(const sha256_digest& object) {
  std::lock_guard lock(mutex_);
  auto owners = objects_.index().owners_of(object, std::numeric_limits<size_t>::max());
  if (!owners)
    return tl::unexpected(owners.error());
  for (auto& owner : *owners)
    if (!owner.starts_with(hold_prefix))
      if (auto gone = objects_.unpin(owner, {object}); !gone)
        return gone;
  return {};
}

result<void> object_claims::settle_again(const std::string& owner) {
  auto text = std::string_view(owner);
  auto nothing = [](bool) {};
  if (text.starts_with(revision_prefix))
    return settle_revision(text.substr(revision_prefix.size())).map(nothing);
  auto key
      = text.starts_with(entry_prefix) ? key_of(text.substr(entry_prefix.size())) : std::nullopt;
  return key ? settle_entry(*key).map(nothing) : result<void>();
}

// -- all of them ---------------------------------------------------------------------------

bool object_claims::exists(table where, const std::optional<std::string>& key) const {
  auto found = key ? registry_.get(where, *key) : std::optional<versioned>{};
  return !found || found->has_value(); // When in doubt, nothing is let go of.
}

result<void> object_claims::settle_owner(const std::string& owner) {
  auto text = std::string_view(owner);
  auto again = too_many_.contains(owner);
  if (text.starts_with(revision_prefix)) {
    auto key = std::string(text.substr(revision_prefix.size()));
    return exists(table::refs, key) && !again ? result<void>()
                                              : settle(owner, named_by_revision(key));
  }
  if (text.starts_with(entry_prefix)) {
    auto key = key_of(text.substr(entry_prefix.size()));
    return exists(table::entries, key) && !again
               ? result<void>()
               : settle(owner, key ? named_by_entry(*key) : named{});
  }
  if (!text.starts_with(hold_prefix) || holds_.contains(owner))
    return {};
  if (!must_stay())
    return objects_.unpin_all(owner);
  too_many_.insert(owner);
  return {};
}

result<void> object_claims::settle_next(const std::string& key) {
  switch (phase_) {
  case phase::revisions:
    return settle(owner_of_revision(key), named_by_revision(key));
  case phase::entries:
    return settle(owner_of_entry(key), named_by_entry(key));
  case phase::owners:
  case phase::done:
    break;
  }
  return settle_owner(key);
}

result<bool> object_claims::step(size_t records) {
  auto where = phase_ == phase::revisions ? table::refs : table::entries;
  auto keys = phase_ == phase::owners ? objects_.index().owners_after(cursor_, records)
                                      : keys_after(registry_, where, cursor_, records);
  if (!keys)
    return tl::unexpected(keys.error());
  for (auto& key : *keys) {
    if (auto done = settle_next(key); !done)
      return tl::unexpected(done.error());
    cursor_ = key;
  }
  if (keys->size() >= records)
    return false;
  cursor_.clear();
  phase_ = static_cast<phase>(static_cast<uint8_t>(phase_) + 1);
  return phase_ == phase::done;
}

/// What had to stay may be let go of.
result<bool> object_claims::settle_late(size_t records) {
  for (; records > 0 && !too_many_.empty() && !must_stay(); --records) {
    auto owner
        = *too_many_.begin(); // Stays there until it is settled: that is why it is looked at.
    if (auto settled = settle_owner(owner); !settled)
      return tl::unexpected(settled.error());
    if (!must_stay()) // Its own manifest may be another one now.
      too_many_.erase(owner);
  }
  return too_many_.empty() || must_stay();
}

result<bool> object_claims::catch_up(size_t records) {
  std::lock_guard lock(mutex_);
  if (phase_ == phase::done)
    return settle_late(records);
  if (neighbours_ && phase_ == phase::revisions && cursor_.empty())
    neighbours_->round_begins();
  auto done = step(records);
  if (!done || !*done)
    return done;
  if (neighbours_)
    neighbours_->round_ends();
  return too_many_.empty() || must_stay();
}

bool object_claims::is_caught_up() const {
  std::lock_guard lock(mutex_);
  return phase_ == phase::done && (too_many_.empty() || must_stay());
}

void object_claims::start_over() {
  std::lock_guard lock(mutex_);
  unread_.clear(); // Those that there are still will be found again.
  unread_order_.clear();
  phase_ = phase::revisions;
  cursor_.clear();
}

} // namespace shoal
