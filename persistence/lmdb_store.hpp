// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "persistence/commit.hpp"
#include "persistence/posix_file.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>

namespace shoal {

class lmdb_env;
class lmdb_store;

/// The layout that this program reads and writes, kept in `meta`.
inline constexpr uint32_t store_schema_version = 1;

/// Turns a store of schema `from_version` into one of the next. It runs while the store opens and
/// may run again after a crash, so it must be idempotent.
struct migration {
  uint32_t from_version = 0;
  std::function<result<void>(lmdb_store&)> apply;
};

struct lmdb_config {
  std::filesystem::path path;                      ///< A folder; made if absent.
  uint64_t initial_map_bytes = uint64_t{64} << 20; ///< 256 KiB..max_map_bytes.
  uint64_t max_map_bytes = uint64_t{1} << 40;      ///< The map never grows beyond.
  bool sync = true;                                ///< False only in benchmarks and tests.
  uint32_t schema_version = store_schema_version;  ///< Changed only by tests of migrations.
  std::vector<migration> migrations;
  std::span<const table> tables = registry_tables; ///< Lives as long as the store.
};

/// How the store is, for /metrics and /health.
struct lmdb_stats {
  uint64_t map_bytes = 0;          ///< Current size of the map.
  uint64_t max_map_bytes = 0;      ///< Where growth ends.
  uint64_t used_bytes = 0;         ///< Pages ever used, free ones included; at most `map_bytes`.
  uint64_t revision = 0;           ///< Of the last commit.
  uint64_t commits = 0;            ///< Transactions (each one fsync) since open.
  uint64_t growths = 0;            ///< How often the map grew since open.
  uint64_t corrupt_values = 0;     ///< Damaged values met since open.
  bool healthy = true;             ///< Whether the last commit reached the disk.
  std::optional<error> last_error; ///< Of the last commit that failed as a whole, healed or not.
};

/// Owns one LMDB environment: the durable truth of a single node. Reads come from any thread;
/// commits are serialised and are meant for one writer thread. Lost when it dies: nothing that
/// `commit` has reported.
///
/// On disk every value is `mod revision (8, big endian) | CRC-32 (4, big endian) | payload`, the
/// CRC covering key, revision and payload, so that a flipped bit costs one key.
class lmdb_store {
public:
  /// Called per key in order. The views die with the call. @returns whether to go on.
  using visitor = std::function<bool(std::string_view key, std::string_view value, uint64_t rev)>;

  /// @errors ec::unavailable (another process has it), ec::corrupt (damaged or foreign file),
  /// ec::unsupported (written by a newer Shoal), ec::storage_full, ec::storage_failed,
  /// ec::invalid_argument (sizes).
  static result<std::unique_ptr<lmdb_store>> open(const lmdb_config& config);

  ~lmdb_store();
  lmdb_store(const lmdb_store&) = delete;
  lmdb_store& operator=(const lmdb_store&) = delete;

  /// @returns nothing if the key is absent. @errors ec::corrupt, for this key only;
  /// ec::busy (too many readers at once), ec::storage_failed.
  result<std::optional<versioned>> get(table where, std::string_view key) const;

  /// Visits all keys from `first_key` on until `visit` returns false. Reads in short transactions:
  /// no snapshot, but each key at most once, and `visit` may take its time or call the store.
  /// @errors ec::corrupt *after* all undamaged values were visited, naming how many were skipped
  /// and the first of them.
  result<void> scan(table where, std::string_view first_key, const visitor& visit) const;

  /// Called per key in order. @param revision 0: the value is damaged. @returns whether to go on.
  using key_visitor = std::function<bool(std::string_view key, uint64_t revision)>;

  /// As `scan`, but for keys alone, those of damaged values too.
  result<void> scan_keys(table where, std::string_view first_key, const key_visitor& visit) const;

  /// @returns the number of keys; `meta` has a few of the store's own.
  result<uint64_t> count(table where) const;

  /// Applies the requests in order in one transaction with one fsync.
  /// @returns per request its revision; or ec::conflict (a guard failed), ec::invalid_argument (an
  /// empty, long or reserved key), ec::too_large or ec::corrupt (a guarded value is damaged), which
  /// leave the others alone; or the same ec::storage_full or ec::storage_failed for all, none of
  /// them applied. If the map is at its maximum, requests that only erase still succeed.
  std::vector<result<uint64_t>> commit(std::span<const commit_request> requests);

  /// One request alone.
  result<uint64_t> commit(const commit_request& request);

  /// Takes over what another store holds, with its revisions, in one transaction; later commits
  /// here get greater ones.
  /// @param at a key of `meta` and its value, written with the rest: how far the copy is.
  /// @errors ec::invalid_argument (a key), ec::too_large, ec::storage_full, ec::storage_failed;
  /// then nothing was written. If the map is at its maximum, changes that only erase still succeed.
  result<void> replicate(std::span<const replicated> changes, const mutation& at);

  lmdb_stats stats() const;

private:
  explicit lmdb_store(lmdb_config config);

  using results = std::vector<result<uint64_t>>;
  enum class rights : uint8_t { caller, store };
  struct chunk;

  result<void> start();
  result<void> take_lock();
  result<void> load_revision();
  result<void> check_schema();
  result<void> write_schema(uint32_t version);

  std::shared_lock<std::shared_mutex> reader() const;
  template <class F>
  auto exclusively(F&& f);
  result<void> load_chunk(table where, std::string& from, bool after, chunk& out) const;

  results commit_as(std::span<const commit_request> requests, rights who);
  int try_commit(std::span<const commit_request> requests, rights who, results& out);
  int try_replicate(std::span<const replicated> changes, const mutation& at);
  std::optional<error> attempt(const std::function<int()>& write, uint64_t map_limit_bytes);
  size_t commit_erasures(std::span<const commit_request> requests, rights who, results& out);
  std::optional<error> attempt_beyond(const std::function<int()>& write);
  result<void> grow(uint64_t map_limit_bytes);
  result<void> resize(uint64_t map_bytes);
  void heal();
  result<void> reopen(uint64_t map_bytes);
  error write_error(int rc) const;
  void note(std::optional<error> failure);

  lmdb_config config_;
  unique_fd lock_; ///< Held for as long as the environment is open.

  /// Readers share it per operation; a resize or reopen of the map has it alone. `remapping_`
  /// holds new readers back, because a pthread rwlock lets a stream of them starve the writer.
  mutable std::shared_mutex map_mutex_;
  std::atomic<bool> remapping_{false};
  std::unique_ptr<lmdb_env> env_; ///< Null only after a reopen failed.

  std::mutex writer_mutex_;
  std::atomic<uint64_t> revision_{0};
  std::atomic<uint64_t> commits_{0};
  std::atomic<uint64_t> growths_{0};
  mutable std::atomic<uint64_t> corrupt_values_{0};

  mutable std::mutex health_mutex_;
  bool healthy_ = true;
  std::optional<error> last_error_;
};

} // namespace shoal
