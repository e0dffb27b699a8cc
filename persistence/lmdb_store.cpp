// SPDX-License-Identifier: Apache-2.0
#include "persistence/lmdb_store.hpp"

#include "core/limits.hpp"
#include "persistence/envelope.hpp"
#include "persistence/lmdb_env.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <sys/file.h>

namespace shoal {

namespace {

constexpr std::string_view schema_key = "store.schema";
constexpr uint64_t map_bytes_min = 256 * 1024;

} // namespace

lmdb_store::lmdb_store(lmdb_config config) : config_(std::move(config)) {}

lmdb_store::~lmdb_store() = default;

result<std::unique_ptr<lmdb_store>> lmdb_store::open(const lmdb_config& config) {
  if (config.initial_map_bytes < map_bytes_min || config.initial_map_bytes > config.max_map_bytes)
    return fail(ec::invalid_argument, "the initial map of " + config.path.string() + " must be "
                                          + std::to_string(map_bytes_min)
                                          + " bytes or more and not beyond the maximum");
  std::unique_ptr<lmdb_store> self(new lmdb_store(config));
  if (auto started = self->start(); !started)
    return tl::unexpected(started.error());
  return self;
}

result<void> lmdb_store::start() {
  if (auto made = make_folder(config_.path); !made)
    return made;
  if (auto locked = take_lock(); !locked)
    return locked;
  auto env = lmdb_env::open(config_, config_.initial_map_bytes);
  if (!env)
    return tl::unexpected(env.error());
  env_ = std::move(*env);
  if (auto synced = sync_folder(config_.path); !synced)
    return synced;
  if (auto loaded = load_revision(); !loaded)
    return loaded;
  return check_schema();
}

/// LMDB would let a second process in, but ours is the only writer and resizes the map.
result<void> lmdb_store::take_lock() {
  auto path = config_.path / "lock";
  auto fd = open_file(path, O_RDWR | O_CREAT);
  if (!fd)
    return tl::unexpected(fd.error());
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(ec::unavailable, config_.path.string() + " is in use by another process");
    return tl::unexpected(errno_error(errno, "lock", path));
  }
  lock_ = std::move(*fd);
  return {};
}

/// The counter's own envelope carries the store's revision. Should it be damaged, all values are
/// asked and a generous step keeps the numbers unique.
result<void> lmdb_store::load_revision() {
  auto counter = get(table::meta, revision_key);
  if (counter) {
    revision_ = *counter ? (*counter)->revision : 0;
    return {};
  }
  if (counter.error().code != ec::corrupt)
    return tl::unexpected(counter.error());
  uint64_t highest = 0;
  for (auto where : config_.tables) {
    auto scanned = scan(where, {}, [&](auto, auto, uint64_t revision) {
      highest = std::max(highest, revision);
      return true;
    });
    if (!scanned && scanned.error().code != ec::corrupt)
      return scanned;
  }
  revision_ = highest + (uint64_t{1} << 32);
  return {};
}

result<void> lmdb_store::check_schema() {
  auto stored = get(table::meta, schema_key);
  if (!stored)
    return tl::unexpected(stored.error());
  if (!*stored)
    return write_schema(config_.schema_version);
  const auto& text = (*stored)->value;
  uint32_t version = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failure != std::errc{} || end != text.data() + text.size())
    return fail(ec::corrupt, config_.path.string() + " has no readable schema version");
  if (version > config_.schema_version)
    return fail(ec::unsupported, config_.path.string() + " was written by a newer Shoal (schema "
                                     + std::to_string(version) + ", this one knows "
                                     + std::to_string(config_.schema_version) + ")");
  for (; version < config_.schema_version; ++version) {
    auto step = std::find_if(config_.migrations.begin(), config_.migrations.end(),
                             [&](const migration& m) { return m.from_version == version; });
    if (step == config_.migrations.end())
      return fail(ec::unsupported, config_.path.string() + " has schema " + std::to_string(version)
                                       + ", which this Shoal cannot migrate");
    if (auto applied = step->apply(*this); !applied)
      return applied;
    if (auto written = write_schema(version + 1); !written)
      return written;
  }
  return {};
}

result<void> lmdb_store::write_schema(uint32_t version) {
  commit_request request;
  request.mutations.push_back({table::meta, std::string(schema_key), std::to_string(version)});
  auto written = commit_as({&request, 1}, rights::store);
  if (!written.front())
    return tl::unexpected(written.front().error());
  return {};
}

// -- reading -------------------------------------------------------------------

std::shared_lock<std::shared_mutex> lmdb_store::reader() const {
  remapping_.wait(true, std::memory_order_acquire);
  return std::shared_lock(map_mutex_);
}

result<std::optional<versioned>> lmdb_store::get(table where, std::string_view key) const {
  if (key.empty() || key.size() > limits::store_key_bytes_max)
    return std::nullopt;
  auto lock = reader();
  if (!env_)
    return fail(ec::storage_failed, "the store could not be reopened");
  read_txn txn(*env_);
  if (txn.status())
    return tl::unexpected(lmdb_error(txn.status(), "read", config_.path));
  auto wanted = to_val(key);
  MDB_val found{};
  auto rc = mdb_get(txn.raw(), env_->dbi(where), &wanted, &found);
  if (rc == MDB_NOTFOUND)
    return std::nullopt;
  if (rc)
    return tl::unexpected(lmdb_error(rc, "read", config_.path));
  auto opened = open_envelope(key, to_view(found));
  if (!opened) {
    ++corrupt_values_;
    return tl::unexpected(damaged(where, key));
  }
  return versioned{std::string(opened->payload), opened->revision};
}

/// What a scan reads in one transaction: bounded, so that the map can be resized in between.
struct lmdb_store::chunk {
  static constexpr size_t rows_max = 512;
  static constexpr size_t bytes_max = size_t{1} << 20;

  struct row {
    std::string key;
    std::string value;
    uint64_t revision; ///< 0: the value is damaged.
  };
  std::vector<row> rows;
  std::optional<std::string> first_damaged;
  uint64_t damaged = 0;
  bool last = false;
};

/// @param from where to start; set to the last key seen. @param after whether `from` itself was
/// seen.
result<void> lmdb_store::load_chunk(table where, std::string& from, bool after, chunk& out) const {
  auto lock = reader();
  if (!env_)
    return fail(ec::storage_failed, "the store could not be reopened");
  read_txn txn(*env_);
  MDB_cursor* raw = nullptr;
  auto rc = txn.status();
  if (!rc)
    rc = mdb_cursor_open(txn.raw(), env_->dbi(where), &raw);
  if (rc)
    return tl::unexpected(lmdb_error(rc, "read", config_.path));
  std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> cursor(raw, &mdb_cursor_close);
  auto key = to_val(from);
  MDB_val value{};
  rc = mdb_cursor_get(raw, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  if (!rc && after && to_view(key) == from)
    rc = mdb_cursor_get(raw, &key, &value, MDB_NEXT);
  size_t bytes = 0;
  while (!rc) {
    auto k = to_view(key);
    if (auto opened = open_envelope(k, to_view(value))) {
      out.rows.push_back({std::string(k), std::string(opened->payload), opened->revision});
    } else {
      out.rows.push_back({std::string(k), {}, 0});
      if (++out.damaged == 1)
        out.first_damaged = k;
    }
    bytes += k.size() + value.mv_size;
    if (out.rows.size() >= chunk::rows_max || bytes >= chunk::bytes_max) {
      from = k;
      return {};
    }
    rc = mdb_cursor_get(raw, &key, &value, MDB_NEXT);
  }
  out.last = true;
  if (rc != MDB_NOTFOUND)
    return tl::unexpected(lmdb_error(rc, "read", config_.path));
  return {};
}

result<void> lmdb_store::scan(table where, std::string_view first_key, const visitor& visit) const {
  std::string from(first_key);
  std::string first_damaged;
  uint64_t skipped = 0;
  chunk part;
  for (bool after = false; !part.last; after = true) {
    part = {};
    auto loaded = load_chunk(where, from, after, part);
    if (part.damaged && !skipped)
      first_damaged = *part.first_damaged;
    skipped += part.damaged;
    for (const auto& row : part.rows)
      if (row.revision != 0 && !visit(row.key, row.value, row.revision))
        return {};
    if (!loaded)
      return loaded;
  }
  if (!skipped)
    return {};
  corrupt_values_ += skipped;
  auto err = damaged(where, first_damaged);
  err.detail += ", " + std::to_string(skipped) + " in all";
  return tl::unexpected(std::move(err));
}

result<void> lmdb_store::scan_keys(table where, std::string_view first_key,
                                   const key_visitor& visit) const {
  std::string from(first_key);
  chunk part;
  for (bool after = false; !part.last; after = true) {
    part = {};
    auto loaded = load_chunk(where, from, after, part);
    for (const auto& row : part.rows)
      if (!visit(row.key, row.revision))
        return {};
    if (!loaded)
      return loaded;
  }
  return {};
}

result<uint64_t> lmdb_store::count(table where) const {
  auto lock = reader();
  if (!env_)
    return fail(ec::storage_failed, "the store could not be reopened");
  read_txn txn(*env_);
  MDB_stat stat{};
  auto rc = txn.status() ? txn.status() : mdb_stat(txn.raw(), env_->dbi(where), &stat);
  if (rc)
    return tl::unexpected(lmdb_error(rc, "read", config_.path));
  return stat.ms_entries;
}

lmdb_stats lmdb_store::stats() const {
  lmdb_stats out;
  {
    auto lock = reader();
    if (env_) {
      out.map_bytes = env_->map_bytes();
      out.used_bytes = env_->used_bytes();
    }
  }
  out.max_map_bytes = config_.max_map_bytes;
  out.revision = revision_;
  out.commits = commits_;
  out.growths = growths_;
  out.corrupt_values = corrupt_values_;
  std::lock_guard lock(health_mutex_);
  out.healthy = healthy_;
  out.last_error = last_error_;
  return out;
}

} // namespace shoal
