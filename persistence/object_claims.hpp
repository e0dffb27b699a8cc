// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "persistence/object_store.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <set>

namespace shoal {

/// What other nodes change about pins: which objects this one is to have. Any thread.
class object_neighbours {
public:
  virtual ~object_neighbours() = default;

  /// Told of each object that a record names. @param owner the record's name among owners of pins.
  /// @param kept it is here and not merely cached. @param everywhere all nodes are to have it: a
  /// manifest.
  /// @returns whether this node is to have it. What it has and is not to have stays pinned if it is
  /// kept, until `object_claims::release`.
  virtual bool look_at(const sha256_digest& object, bool here, bool kept, bool everywhere,
                       const std::string& owner)
      = 0;

  /// All records are looked at from now on, and have been.
  virtual void round_begins() = 0;
  virtual void round_ends() = 0;
};

/// Pins what the registry names. Owners of pins are its records: "rev ns/name@rev" pins a
/// revision's manifest, torrents and files (but of a mirror not the files: those can be pulled
/// again), "entry HEX" the torrents of an entry; "hold N" what somebody is about to name. Whatever
/// a pin was made for, the record as it is now decides, so that order and repetition of calls do
/// not matter. What a record names and is not here is not pinned.
///
/// Any thread; does disk I/O. Lost when it dies: nothing; `catch_up` makes the pins again.
class object_claims {
public:
  /// Pins objects until they have been named, or are not going to be.
  class hold {
  public:
    hold(hold&& other) noexcept;
    hold& operator=(hold&&) = delete;
    ~hold();

    /// Pins them until the next start: their record is not to be seen here yet.
    void keep() { of_ = nullptr; }

  private:
    friend class object_claims;
    hold(object_claims& of, std::string owner) : of_(&of), owner_(std::move(owner)) {}

    object_claims* of_; ///< Null: nothing to let go of.
    std::string owner_;
  };

  /// @param objects, registry outlive this.
  object_claims(object_store& objects, const lmdb_store& registry)
      : objects_(objects), registry_(registry) {}

  /// In a cluster: a manifest that has never been here may come yet, and what it names may be
  /// pinned for another record alone. Until it has, nothing is let go of that a record does not
  /// name any more; but not for ever, as it may be lost, or may not come because there is no room.
  /// @param them outlives this. Before anything else.
  void mind(
      object_neighbours& them, std::function<mono_time()> now = [] { return mono_now(); }) {
    neighbours_ = &them;
    now_ = std::move(now);
  }

  /// Of a manifest that does not come.
  static constexpr std::chrono::hours manifest_patience{1};

  /// Unpins an object that other nodes keep: from now on it is cached here.
  result<void> release(const sha256_digest& object);

  /// What became known of an owner's records: settles it. @param owner as `look_at` was told.
  result<void> settle_again(const std::string& owner);

  /// @errors as object_store::pin.
  result<hold> take(std::vector<sha256_digest> objects);

  /// Makes the pins of a revision as the registry says it is now. @param key "ns/name@rev".
  /// @returns whether there is such a revision.
  result<bool> settle_revision(std::string_view key);

  /// The same for an entry. @param key its primary one, 20 or 32 bytes.
  result<bool> settle_entry(std::string_view key);

  /// Goes through the whole registry: first it pins what is named, then it lets go of what is not.
  /// Until all is pinned `settle_*` lets go of nothing, so that an index that was lost is whole
  /// again before anything can be evicted. @param records to look at in this call, about.
  /// @returns whether it is done. One thread at a time.
  result<bool> catch_up(size_t records);

  /// Whether `catch_up` has nothing to do. What is settled may give it something.
  bool is_caught_up() const;

  /// Begins anew, because the whole registry may be another.
  void start_over();

  /// Revisions whose manifest has never been here, however long ago they were seen.
  size_t unread() const { return unread_count_.load(std::memory_order_relaxed); }

private:
  enum class phase : uint8_t { revisions, entries, owners, done };

  /// What a record names.
  struct named {
    bool exists = false;
    bool known = true; ///< Else the manifest cannot be read, and what is pinned stays so.
    std::optional<sha256_digest> manifest; ///< One of the objects.
    std::vector<sha256_digest> objects;
  };

  named named_by_revision(std::string_view key) const;
  named named_by_entry(std::string_view key) const;
  bool exists(table where, const std::optional<std::string>& key) const;
  result<void> settle(const std::string& owner, named what);
  result<void> settle_owner(const std::string& owner);
  result<void> settle_next(const std::string& key);
  result<bool> step(size_t records);

  void note_unread(const std::string& owner, const named& what,
                   const std::vector<sha256_digest>& pinned);
  bool must_stay() const;
  result<bool> settle_late(size_t records);
  std::vector<sha256_digest> to_pin(const std::string& owner, const named& what,
                                    const std::vector<sha256_digest>& pinned);

  object_store& objects_;
  const lmdb_store& registry_;
  object_neighbours* neighbours_ = nullptr; ///< Null: the node is alone.
  mutable std::mutex
      mutex_; ///< Whoever settles reads the registry and changes pins without another one.
  std::set<std::string> holds_;
  std::set<std::string> too_many_; ///< Owners that have pins to give up, but must not yet.
  std::map<std::string, mono_time>
      unread_; ///< Owners whose manifest has never been here, since when.
  mutable std::vector<std::pair<mono_time, std::string>> unread_order_; ///< The latest one last.
  std::atomic<size_t> unread_count_{0};
  std::function<mono_time()> now_;
  /// Of holds: not one that an earlier process has given, as that may have to stay.
  uint64_t serial_ = static_cast<uint64_t>(unix_now()) << 20;
  phase phase_ = phase::revisions;
  std::string cursor_; ///< The last key, or owner, that was looked at.
};

} // namespace shoal
