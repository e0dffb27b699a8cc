// SPDX-License-Identifier: Apache-2.0
#include "persistence/lmdb_env.hpp"

#include "persistence/lmdb_store.hpp"
#include "persistence/posix_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace shoal {

namespace {

/// Reader slots take 64 bytes each in the lock file, after a header of a few hundred.
constexpr off_t lock_file_bytes = 64 * 1024;
constexpr unsigned readers_max = 512;

/// Pages at the end of the file that LMDB may count without having written them: those that the
/// last transaction took and gave back. More missing means that somebody cut the file.
constexpr uint64_t unwritten_pages_max = 64;

constexpr std::string_view remedy = "; restore it from a backup, or move it away to start empty";

} // namespace

error lmdb_error(int rc, std::string_view doing, const std::filesystem::path& path) {
  auto file = path / "data.mdb";
  if (rc > 0)
    return errno_error(rc, doing, file);
  auto detail = "cannot " + std::string(doing) + " " + file.string() + ": " + mdb_strerror(rc);
  switch (rc) {
  case MDB_INVALID:
  case MDB_CORRUPTED:
  case MDB_PAGE_NOTFOUND:
  case MDB_INCOMPATIBLE:
    return {ec::corrupt, detail + std::string(remedy)};
  case MDB_VERSION_MISMATCH:
    return {ec::unsupported, detail};
  case MDB_READERS_FULL:
    return {ec::busy, detail};
  case MDB_TXN_FULL:
    return {ec::too_large, detail};
  case MDB_MAP_FULL:
    return {ec::storage_full, detail};
  default:
    return {ec::storage_failed, detail};
  }
}

result<std::unique_ptr<lmdb_env>> lmdb_env::open(const lmdb_config& config, uint64_t map_bytes) {
  std::unique_ptr<lmdb_env> self(new lmdb_env);
  self->path_ = config.path;
  if (auto rc = mdb_env_create(&self->env_))
    return tl::unexpected(lmdb_error(rc, "open", config.path));
  if (auto reserved = self->reserve_reader_slots(); !reserved)
    return tl::unexpected(reserved.error());
  mdb_env_set_maxdbs(self->env_, table_count);
  mdb_env_set_maxreaders(self->env_, readers_max);
  mdb_env_set_mapsize(self->env_, map_bytes);
  unsigned flags = MDB_NOTLS | (config.sync ? 0u : unsigned{MDB_NOSYNC});
  if (auto rc = mdb_env_open(self->env_, config.path.c_str(), flags, 0644))
    return tl::unexpected(lmdb_error(rc, "open", config.path));
  if (auto whole = self->check_length(); !whole)
    return tl::unexpected(whole.error());
  auto rc = self->open_tables(config.tables, MDB_RDONLY, 0);
  if (rc == MDB_NOTFOUND)
    rc = self->open_tables(config.tables, 0, MDB_CREATE);
  if (rc)
    return tl::unexpected(lmdb_error(rc, "open", config.path));
  return self;
}

lmdb_env::~lmdb_env() {
  drop_readers();
  if (env_)
    mdb_env_close(env_);
}

/// LMDB maps its lock file; touching a page of it that the disk has no room for would be SIGBUS.
result<void> lmdb_env::reserve_reader_slots() const {
  auto path = path_ / "lock.mdb";
  auto fd = open_file(path, O_RDWR | O_CREAT);
  if (!fd)
    return tl::unexpected(fd.error());
  if (auto rc = ::posix_fallocate(fd->get(), 0, lock_file_bytes))
    return tl::unexpected(errno_error(rc, "reserve", path));
  return {};
}

/// Reading a mapped page beyond the end of the file would be SIGBUS as well.
result<void> lmdb_env::check_length() const {
  auto file = path_ / "data.mdb";
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0)
    return tl::unexpected(errno_error(errno, "read", file));
  auto length = static_cast<uint64_t>(info.st_size);
  if (length + unwritten_pages_max * page_bytes() >= used_bytes())
    return {};
  return fail(ec::corrupt, file.string() + " has " + std::to_string(length) + " of its "
                               + std::to_string(used_bytes()) + " bytes" + std::string(remedy));
}

int lmdb_env::open_tables(std::span<const table> tables, unsigned txn_flags, unsigned dbi_flags) {
  MDB_txn* txn = nullptr;
  if (auto rc = mdb_txn_begin(env_, nullptr, txn_flags, &txn))
    return rc;
  for (auto where : tables) {
    std::string table_name(name(where));
    auto* dbi = &dbis_[static_cast<size_t>(where)];
    if (auto rc = mdb_dbi_open(txn, table_name.c_str(), dbi_flags, dbi)) {
      mdb_txn_abort(txn);
      return rc;
    }
  }
  return mdb_txn_commit(txn);
}

uint64_t lmdb_env::map_bytes() const {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return info.me_mapsize;
}

uint64_t lmdb_env::used_bytes() const {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return (uint64_t{info.me_last_pgno} + 1) * page_bytes();
}

uint64_t lmdb_env::page_bytes() const {
  MDB_stat stat{};
  mdb_env_stat(env_, &stat);
  return stat.ms_psize;
}

int lmdb_env::resize(uint64_t map_bytes) {
  drop_readers();
  return mdb_env_set_mapsize(env_, map_bytes);
}

void lmdb_env::drop_readers() {
  std::lock_guard lock(pool_mutex_);
  for (auto* txn : pool_)
    mdb_txn_abort(txn);
  pool_.clear();
}

read_txn::read_txn(lmdb_env& env) : env_(env) {
  {
    std::lock_guard lock(env_.pool_mutex_);
    if (!env_.pool_.empty()) {
      txn_ = env_.pool_.back();
      env_.pool_.pop_back();
    }
  }
  if (!txn_) {
    status_ = mdb_txn_begin(env_.env_, nullptr, MDB_RDONLY, &txn_);
  } else if ((status_ = mdb_txn_renew(txn_)) != 0) {
    mdb_txn_abort(txn_);
    txn_ = nullptr;
  }
}

read_txn::~read_txn() {
  if (!txn_)
    return;
  mdb_txn_reset(txn_);
  std::lock_guard lock(env_.pool_mutex_);
  env_.pool_.push_back(txn_);
}

} // namespace shoal
