// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/cache_ledger.hpp"
#include "persistence/in_place_file.hpp"
#include "persistence/object_census.hpp"

#include <atomic>
#include <set>

namespace shoal {

struct object_store_config {
  std::filesystem::path root;
  uint64_t cache_bytes_max = uint64_t{100} << 30;
  std::function<unix_seconds()> now = [] { return unix_now(); };
  bool sync = true; ///< False only in tests: whether the index waits for the disk.
};

/// What is wrong with an object, for whoever can bring a good copy.
struct object_finding {
  enum class kind : uint8_t {
    corrupt, ///< Did not hash to its name; it is in quarantine.
    changed, ///< Somebody else's file is not what it was; the link is gone.
    missing, ///< The file has vanished.
  };

  sha256_digest object;
  kind what = kind::corrupt;
  bool pinned = false; ///< Else nobody needs it.
  std::string detail;
};

/// The objects of a node: kept ones (published or uploaded, `<root>/objects`), cached ones (pulled,
/// `<root>/cache`, evicted to stay within a bound) and those in place (files of others, linked).
/// Who pins them stands in an index (`<root>/index`); see `object_index` for what happens without
/// it.
///
/// All functions may be called from any thread and do disk I/O, but for `usage`. Reading never
/// waits for what others change. Lost when it dies: nothing acknowledged.
class object_store {
public:
  /// An object open for reading; it is not evicted meanwhile. May outlive the store.
  struct reader {
    unique_fd file;
    uint64_t size_bytes = 0;
    std::optional<in_place_record> in_place;
    cache_ledger::lease lease;

    /// Whether what was read is what was verified: to be asked at the end. Only files in place,
    /// which others can write, are ever not.
    bool is_intact() const;
  };

  /// Room in the cache for an object on its way here. Given back unless filled.
  class room {
  public:
    room(room&& other) noexcept;
    room& operator=(room&&) = delete;
    ~room();

    /// Makes a finished file, whose bytes are on disk and hash to the name, a cached object; or, if
    /// somebody pins it, a kept one. @errors ec::storage_full, ec::storage_failed.
    result<void> fill(const std::filesystem::path& file, const sha256_digest& object);

  private:
    friend class object_store;
    room(object_store& store, const sha256_digest& stand_in, uint64_t bytes)
        : store_(&store), stand_in_(stand_in), bytes_(bytes) {}

    object_store* store_; ///< Null after `fill`. It must outlive the room.
    sha256_digest stand_in_;
    uint64_t bytes_;
  };

  struct totals {
    object_files::totals kept;
    object_files::totals cached;
    object_files::totals in_place;
    uint64_t cache_bytes = 0; ///< What the cache's bound counts: with room for what is on its way.
    uint64_t cache_bytes_max = 0;
    uint64_t lost = 0;           ///< Pinned, and not here.
    uint64_t quarantined = 0;    ///< Since the start.
    uint64_t evicted = 0;        ///< Since the start.
    uint64_t scrubbed_bytes = 0; ///< Since the start.

    /// All that is here.
    object_files::totals all() const {
      return {kept.bytes + cached.bytes + in_place.bytes,
              kept.count + cached.count + in_place.count};
    }
  };

  /// @errors ec::unavailable (another process has it), ec::unsupported, ec::storage_full,
  /// ec::storage_failed.
  static result<std::unique_ptr<object_store>> open(object_store_config config);

  ~object_store();
  object_store(const object_store&) = delete;
  object_store& operator=(const object_store&) = delete;

  /// What is stored there is kept, though nobody pins it yet: it is for uploads.
  object_files& files() { return *kept_; }

  // -- reading ---------------------------------------------------------------------------------

  /// @errors ec::not_found, ec::corrupt (it was not what it should be and is gone now),
  /// ec::unavailable (a file in place that has yet to be hashed), ec::storage_failed, ec::busy.
  result<reader> read(const sha256_digest& object);

  /// Reads a small object whole. @returns the bytes, whose hash was checked.
  /// @errors as `read`; ec::too_large.
  result<std::string> load(const sha256_digest& object, uint64_t max_bytes);

  /// @returns the size if the object is here. Cheaper than `read`, and no request.
  std::optional<uint64_t> size(const sha256_digest& object) const;

  /// Whether it is here and not merely cached.
  bool is_kept(const sha256_digest& object) const { return kept_->size(object).has_value(); }

  // -- coming in -------------------------------------------------------------------------------

  /// As files().begin, but cached objects go if the disk is full.
  result<object_files::upload> begin(std::optional<uint64_t> size_bytes = std::nullopt);

  /// Stores and pins all at once. @errors as `begin`, object_files::upload and `pin`.
  result<sha256_digest> put(std::string_view bytes, const std::string& owner);

  /// @errors ec::storage_full: all that is cached is in use, or the object is bigger than the
  /// cache.
  result<room> make_room(uint64_t size_bytes);

  /// Keeps a finished file of this disk, whose bytes are on it and hash to the name: an upload in
  /// pieces, or a good copy of what was lost. @param owner may be empty: then nobody pins it yet.
  result<void> take(const std::filesystem::path& file, const sha256_digest& object,
                    const std::string& owner);

  /// Serves somebody else's file, all of which is hashed, from where it is. What is here already
  /// as a file of ours stays that. @returns its name.
  /// @errors ec::invalid_argument (a file below the root), ec::conflict (it has changed while it
  /// was hashed), ec::storage_full, ec::storage_failed.
  result<sha256_digest> adopt(in_place_file& file, const std::string& owner);

  /// Whether nothing is to be done for it to be served: it is here as a file of ours, or is that
  /// file as it was hashed. @param file without links.
  bool is_served_from(const sha256_digest& object, const std::filesystem::path& file) const;

  // -- who needs it ----------------------------------------------------------------------------

  /// Pins objects that are here; again is fine. @errors ec::not_found (one is not here; those
  /// before it are pinned), ec::invalid_argument (the owner), ec::storage_full, ec::storage_failed.
  result<void> pin(const std::string& owner, std::vector<sha256_digest> objects);

  /// It has come through `files()`: an upload, or a good copy of what was lost.
  result<void> note_found(const sha256_digest& object);

  /// What nobody pins any more becomes cached, or goes if it does not fit; links go.
  result<void> unpin(const std::string& owner, const std::vector<sha256_digest>& objects);
  result<void> unpin_all(const std::string& owner);

  /// Takes an object away whoever pins it: a takedown.
  result<void> remove(const sha256_digest& object);

  const object_index& index() const { return *index_; }

  // -- housekeeping ----------------------------------------------------------------------------

  /// Evicts down to a new bound.
  result<void> set_cache_bound(uint64_t bytes);

  /// Evicts until the disk has so many bytes more, or nothing is left. @returns the bytes freed.
  uint64_t free_disk(uint64_t bytes);

  /// Hashes the next objects, doubtful ones first, up to so many bytes; a big one goes on with the
  /// next call. One thread at a time does it; others get ec::busy.
  result<std::vector<object_finding>> scrub(uint64_t budget_bytes);

  /// Whether the last `scrub` has come to the end of all objects: the next one begins anew.
  bool scrubbed_all();

  /// Hashes one object now. @returns what is wrong with it, if anything.
  result<std::optional<object_finding>> verify(const sha256_digest& object);

  /// Pinned objects that are not here, in order, from one on.
  std::vector<sha256_digest> lost(const sha256_digest& from, size_t max) const;

  /// Objects that are kept and nobody has pinned since they came before then, such as uploads that
  /// were never published; at most `max`. Of what came through `files()` since the start only that
  /// is known of which `note_found` was told.
  result<std::vector<sha256_digest>> unclaimed(unix_seconds before, size_t max) const;

  /// Lets go of `unclaimed` objects as `unpin` does. @returns how many.
  result<size_t> give_up_unclaimed(unix_seconds before, size_t max);

  /// Writes what the cache has learned, so that the next start knows it. The destructor does it
  /// too.
  result<void> save_standings();

  totals usage() const;

  /// What the start has found; `cached` is empty.
  const census_report& census() const { return census_; }

private:
  using row = object_index::row;

  /// An object while it is hashed.
  struct scrubbing {
    sha256_digest object;
    unique_fd file;
    bool is_link = false;
    in_place_record before; ///< How the file was at first.
    uint64_t size_bytes = 0;
    sha256_hasher hasher;
    uint64_t done_bytes = 0;
  };

  explicit object_store(object_store_config config);

  // Those that end with _locked need `change_mutex_`.
  result<void> start();
  result<unique_fd> open_object(const sha256_digest& object, bool& is_link) const;
  result<void> check(const sha256_digest& object, const reader& r, bool is_link);
  result<void> fill(room& r, const std::filesystem::path& file, const sha256_digest& object);
  result<void> note_arrival_locked(const sha256_digest& object, bool kept);
  result<void> link_locked(const sha256_digest& object, uint64_t size_bytes,
                           const in_place_record& at);

  result<row> row_of(const sha256_digest& object) const;
  result<void> pin_locked(const std::string& owner, std::span<const sha256_digest> objects);
  result<void> give_back_locked(std::span<const row> rows);
  result<void> evict_locked(const std::vector<sha256_digest>& objects);
  void forget_facts(const sha256_digest& object, const std::optional<object_record>& record);

  std::optional<sha256_digest> next_to_scrub();
  result<std::optional<object_finding>> begin_scrub(const sha256_digest& object,
                                                    std::optional<scrubbing>& at);
  result<bool> scrub_some(scrubbing& at, uint64_t& budget_bytes) const;
  result<std::optional<object_finding>> judge(scrubbing& at);
  result<void> write_verified();
  result<std::optional<object_finding>> set_apart(const sha256_digest& object,
                                                  object_finding::kind what, std::string detail,
                                                  uint64_t inode);
  result<void> quarantine_locked(const sha256_digest& object, const std::string& detail);

  object_store_config config_;
  std::unique_ptr<object_files> kept_;
  std::unique_ptr<object_files> cached_;
  std::unique_ptr<object_index> index_;
  std::shared_ptr<cache_ledger> ledger_;
  census_report census_;

  std::mutex change_mutex_; ///< Files and records change together. Readers do not take it.
  std::atomic<uint64_t> serial_{0};
  std::atomic<uint64_t> evicted_{0};
  std::atomic<uint64_t> quarantined_{0};
  mutable std::atomic<uint64_t> scrubbed_bytes_{0};

  mutable std::mutex facts_mutex_;
  object_files::totals in_place_;
  std::set<sha256_digest> lost_;

  std::mutex scrub_mutex_; ///< Taken before `change_mutex_`.
  std::optional<scrubbing> scrubbing_;
  std::vector<sha256_digest> to_scrub_; ///< The next one last.
  std::vector<std::pair<sha256_digest, std::optional<in_place_record>>> verified_;
  sha256_digest cursor_;
  bool last_page_ = false;  ///< What `to_scrub_` has is the end of a round.
  bool round_over_ = false; ///< The last `scrub` came to the end of one.
};

} // namespace shoal
