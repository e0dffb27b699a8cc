// SPDX-License-Identifier: Apache-2.0
// The writing half of lmdb_store.
#include "core/limits.hpp"
#include "persistence/envelope.hpp"
#include "persistence/lmdb_env.hpp"
#include "persistence/lmdb_store.hpp"

#include <algorithm>
#include <cerrno>

namespace shoal {

namespace {

/// Growing by less is not worth another attempt.
constexpr uint64_t growth_bytes_min = 64 * 1024;

/// What erasures may use beyond the maximum of a full map.
constexpr uint64_t erase_reserve_bytes = uint64_t{4} << 20;

bool only_erases(const commit_request& request) {
  return !request.mutations.empty()
         && std::none_of(request.mutations.begin(), request.mutations.end(),
                         [](const mutation& m) { return m.value.has_value(); });
}

std::optional<error> check_key(table where, const std::string& key, bool as_store, bool writes) {
  if (key.empty() || key.size() > limits::store_key_bytes_max)
    return error{ec::invalid_argument, "a key has " + std::to_string(key.size()) + " bytes"};
  if (writes && !as_store && where == table::meta && key.starts_with(reserved_prefix))
    return error{ec::invalid_argument, "the key " + key + " belongs to the store"};
  return std::nullopt;
}

std::optional<error> check(const commit_request& request, bool as_store) {
  for (const auto& g : request.guards)
    if (auto bad = check_key(g.where, g.key, as_store, false))
      return bad;
  for (const auto& m : request.mutations) {
    if (auto bad = check_key(m.where, m.key, as_store, true))
      return bad;
    if (m.value && m.value->size() > limits::record_bytes_max)
      return error{ec::too_large, "a value has " + std::to_string(m.value->size()) + " bytes"};
  }
  return std::nullopt;
}

/// One batch on its way into one transaction.
struct batch_writer {
  lmdb_env& env;
  MDB_txn* txn;
  uint64_t revision;

  /// @returns an LMDB code; `outcome` says why the guard does not hold.
  int test(const guard& g, std::optional<error>& outcome) {
    auto key = to_val(g.key);
    MDB_val found{};
    auto rc = mdb_get(txn, env.dbi(g.where), &key, &found);
    if (rc && rc != MDB_NOTFOUND)
      return rc;
    uint64_t actual = 0;
    if (!rc) {
      auto opened = open_envelope(g.key, to_view(found));
      if (!opened) {
        outcome = damaged(g.where, g.key);
        return 0;
      }
      actual = opened->revision;
    }
    if (actual != g.revision)
      outcome = error{ec::conflict, g.revision == 0 ? "it exists already"
                                    : actual == 0   ? "it does not exist any more"
                                                    : "it was changed meanwhile"};
    return 0;
  }

  int put(table where, std::string_view key, std::string_view payload) {
    auto k = to_val(key);
    MDB_val space{envelope_bytes + payload.size(), nullptr};
    auto rc = mdb_put(txn, env.dbi(where), &k, &space, MDB_RESERVE);
    if (!rc)
      seal_envelope(key, revision, payload, static_cast<char*>(space.mv_data));
    return rc;
  }

  int write(table where, const std::string& key, const std::optional<std::string>& value) {
    if (value)
      return put(where, key, *value);
    auto k = to_val(key);
    auto rc = mdb_del(txn, env.dbi(where), &k, nullptr);
    return rc == MDB_NOTFOUND ? 0 : rc;
  }

  int apply(const commit_request& request, result<uint64_t>& out) {
    std::optional<error> outcome;
    for (const auto& g : request.guards) {
      auto rc = test(g, outcome);
      if (rc)
        return rc;
      if (outcome) {
        out = tl::unexpected(std::move(*outcome));
        return 0;
      }
    }
    ++revision;
    for (const auto& m : request.mutations)
      if (auto rc = write(m.where, m.key, m.value))
        return rc;
    out = revision;
    return 0;
  }
};

/// A disk this full that reports EIO ran out of space.
constexpr uint64_t full_disk_bytes = uint64_t{1} << 20;

} // namespace

template <class F>
auto lmdb_store::exclusively(F&& f) {
  struct gate {
    std::atomic<bool>& closed;
    explicit gate(std::atomic<bool>& c) : closed(c) { closed = true; }
    ~gate() {
      closed = false;
      closed.notify_all();
    }
  } hold(remapping_);
  std::unique_lock lock(map_mutex_);
  return f();
}

std::vector<result<uint64_t>> lmdb_store::commit(std::span<const commit_request> requests) {
  return commit_as(requests, rights::caller);
}

result<uint64_t> lmdb_store::commit(const commit_request& request) {
  return std::move(commit_as({&request, 1}, rights::caller).front());
}

lmdb_store::results lmdb_store::commit_as(std::span<const commit_request> requests, rights who) {
  std::lock_guard lock(writer_mutex_);
  results out(requests.size(), result<uint64_t>(uint64_t{0}));
  auto failure = attempt([&] { return try_commit(requests, who, out); }, config_.max_map_bytes);
  if (!failure)
    return out;
  std::fill(out.begin(), out.end(), result<uint64_t>(tl::unexpected(*failure)));
  auto refused = requests.size();
  if (failure->code == ec::storage_full)
    refused -= commit_erasures(requests, who, out);
  if (refused > 0)
    note(std::move(failure));
  return out;
}

/// Writes all or nothing, growing and reopening as it takes.
/// @param write one transaction. @returns an LMDB code.
std::optional<error> lmdb_store::attempt(const std::function<int()>& write,
                                         uint64_t map_limit_bytes) {
  bool retried_io = false;
  bool reopened = false;
  for (;;) {
    result<void> again;
    auto rc = env_ ? write() : MDB_PANIC;
    if (rc == 0)
      return std::nullopt;
    if (rc == MDB_MAP_FULL) {
      again = grow(map_limit_bytes);
    } else if (rc == MDB_PANIC && !retried_io && !std::exchange(reopened, true)) {
      // Neither this environment nor an earlier attempt to replace it works: once more.
      again = reopen(env_ ? env_->map_bytes() : config_.initial_map_bytes);
    } else if (rc != EIO || std::exchange(retried_io, true)) {
      // LMDB reports a write that ran out of space half-way as EIO; the second try says ENOSPC.
      again = tl::unexpected(write_error(rc));
    }
    if (!again) {
      heal();
      return again.error();
    }
  }
}

/// Erasing takes pages too (LMDB copies what it changes), so a full map would stay full for ever.
/// Requests that only erase may therefore use a reserve beyond the maximum, for this one commit.
/// @returns how many requests that was, their outcomes in `out`.
size_t lmdb_store::commit_erasures(std::span<const commit_request> requests, rights who,
                                   results& out) {
  std::vector<size_t> indexes;
  std::vector<commit_request> erasing;
  for (size_t i = 0; i < requests.size(); ++i)
    if (only_erases(requests[i])) {
      indexes.push_back(i);
      erasing.push_back(requests[i]);
    }
  if (erasing.empty())
    return 0;
  results done(erasing.size(), result<uint64_t>(uint64_t{0}));
  if (attempt_beyond([&] { return try_commit(erasing, who, done); }))
    return 0;
  for (size_t i = 0; i < indexes.size(); ++i)
    out[indexes[i]] = std::move(done[i]);
  return indexes.size();
}

/// The same with the reserve.
std::optional<error> lmdb_store::attempt_beyond(const std::function<int()>& write) {
  auto failure = attempt(write, config_.max_map_bytes + erase_reserve_bytes);
  // LMDB itself keeps the map as large as what is in use. Not shrinking it does no harm.
  if (env_ && env_->map_bytes() > config_.max_map_bytes)
    static_cast<void>(resize(config_.max_map_bytes));
  return failure;
}

int lmdb_store::try_commit(std::span<const commit_request> requests, rights who, results& out) {
  write_txn txn(*env_);
  if (txn.status())
    return txn.status();
  batch_writer writer{*env_, txn.raw(), revision_};
  for (size_t i = 0; i < requests.size(); ++i) {
    if (auto bad = check(requests[i], who == rights::store))
      out[i] = tl::unexpected(std::move(*bad));
    else if (auto rc = writer.apply(requests[i], out[i]))
      return rc;
  }
  if (writer.revision == revision_)
    return 0;
  if (auto rc = writer.put(table::meta, revision_key, {}))
    return rc;
  if (auto rc = txn.commit())
    return rc;
  revision_ = writer.revision;
  ++commits_;
  note(std::nullopt);
  return 0;
}

result<void> lmdb_store::replicate(std::span<const replicated> changes, const mutation& at) {
  for (const auto& c : changes) {
    if (auto bad = check_key(c.where, c.key, false, true))
      return tl::unexpected(std::move(*bad));
    if (c.value && c.value->size() > limits::record_bytes_max)
      return fail(ec::too_large, "a value has " + std::to_string(c.value->size()) + " bytes");
  }
  std::lock_guard lock(writer_mutex_);
  auto write = [&] { return try_replicate(changes, at); };
  auto failure = attempt(write, config_.max_map_bytes);
  bool erases = std::none_of(changes.begin(), changes.end(),
                             [](const replicated& c) { return c.value.has_value(); });
  if (failure && failure->code == ec::storage_full && erases && !changes.empty())
    failure = attempt_beyond(write);
  if (!failure)
    return {};
  note(failure);
  return tl::unexpected(std::move(*failure));
}

int lmdb_store::try_replicate(std::span<const replicated> changes, const mutation& at) {
  write_txn txn(*env_);
  if (txn.status())
    return txn.status();
  batch_writer writer{*env_, txn.raw(), 0};
  auto highest = revision_.load();
  for (const auto& c : changes) {
    writer.revision = c.revision;
    highest = std::max(highest, c.revision);
    if (auto rc = writer.write(c.where, c.key, c.value))
      return rc;
  }
  writer.revision = highest + 1;
  auto rc = writer.write(at.where, at.key, at.value);
  if (!rc)
    rc = writer.put(table::meta, revision_key, {});
  if (!rc)
    rc = txn.commit();
  if (rc)
    return rc;
  revision_ = writer.revision;
  ++commits_;
  note(std::nullopt);
  return 0;
}

error lmdb_store::write_error(int rc) const {
  auto full = rc == EIO && disk_available_bytes(config_.path) < full_disk_bytes;
  return lmdb_error(full ? ENOSPC : rc, "write", config_.path);
}

result<void> lmdb_store::grow(uint64_t map_limit_bytes) {
  auto now = env_->map_bytes();
  auto file = config_.path / "data.mdb";
  if (now + growth_bytes_min > map_limit_bytes)
    return fail(ec::storage_full, file.string() + " has reached its maximum of "
                                      + std::to_string(config_.max_map_bytes) + " bytes");
  std::error_code ignored;
  auto length = std::filesystem::file_size(file, ignored);
  auto possible = (ignored ? env_->used_bytes() : length) + disk_available_bytes(config_.path);
  auto wanted = std::min({now * 2, map_limit_bytes, possible});
  wanted -= wanted % env_->page_bytes();
  if (wanted < now + growth_bytes_min)
    return fail(ec::storage_full, "the disk has no room for " + file.string() + " to grow");
  auto resized = resize(wanted);
  growths_ += resized ? 1 : 0;
  return resized;
}

result<void> lmdb_store::resize(uint64_t map_bytes) {
  auto before = env_->map_bytes();
  auto rc = exclusively([&] { return env_->resize(map_bytes); });
  if (!rc)
    return {};
  auto failed = lmdb_error(rc, "resize", config_.path);
  if (auto reopened = reopen(before); !reopened)
    return reopened;
  return tl::unexpected(failed);
}

/// A failed write of the root page is sticky, for readers too, and takes a new environment.
void lmdb_store::heal() {
  if (!env_ || read_txn(*env_).status() != MDB_PANIC)
    return;
  auto reopened = reopen(env_->map_bytes());
  if (!reopened)
    note(reopened.error());
}

/// Leaves `env_` null if that fails; the next commit tries again.
result<void> lmdb_store::reopen(uint64_t map_bytes) {
  auto opened = exclusively([&]() -> result<void> {
    env_.reset();
    auto env = lmdb_env::open(config_, map_bytes);
    if (!env)
      return tl::unexpected(env.error());
    env_ = std::move(*env);
    return {};
  });
  return opened ? load_revision() : opened;
}

void lmdb_store::note(std::optional<error> failure) {
  std::lock_guard lock(health_mutex_);
  healthy_ = !failure;
  if (failure)
    last_error_ = std::move(failure);
}

} // namespace shoal
