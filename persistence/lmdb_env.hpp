// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "persistence/table.hpp"

#include <climits>
#include <lmdb.h>

#include <array>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

/// The C interface of LMDB, owned. Only lmdb_store.cpp and lmdb_env.cpp include this.
namespace shoal {

struct lmdb_config;

/// What went wrong inside LMDB, in our vocabulary. @param rc an LMDB code or an errno.
error lmdb_error(int rc, std::string_view doing, const std::filesystem::path& path);

inline MDB_val to_val(std::string_view bytes) {
  return MDB_val{bytes.size(), const_cast<char*>(bytes.data())};
}

inline std::string_view to_view(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

/// An open environment with its tables.
class lmdb_env {
public:
  /// Makes the files and tables that do not exist. An existing store opens without a write, so
  /// that a full disk does not keep the node from reading.
  static result<std::unique_ptr<lmdb_env>> open(const lmdb_config& config, uint64_t map_bytes);

  ~lmdb_env();
  lmdb_env(const lmdb_env&) = delete;
  lmdb_env& operator=(const lmdb_env&) = delete;

  MDB_env* raw() { return env_; }
  MDB_dbi dbi(table where) const { return dbis_[static_cast<size_t>(where)]; }

  uint64_t map_bytes() const;
  uint64_t used_bytes() const;
  uint64_t page_bytes() const;

  /// No transaction may be open. @returns an LMDB code; after a failure the environment is
  /// unusable.
  int resize(uint64_t map_bytes);

private:
  friend class read_txn;
  lmdb_env() { dbis_.fill(UINT_MAX); }

  result<void> reserve_reader_slots() const;
  result<void> check_length() const;
  int open_tables(std::span<const table> tables, unsigned txn_flags, unsigned dbi_flags);
  void drop_readers();

  std::filesystem::path path_;
  MDB_env* env_ = nullptr;
  std::array<MDB_dbi, table_count> dbis_; ///< LMDB refuses those that are not open.

  /// Reset read transactions: renewing one costs a fraction of a new one's reader slot.
  std::mutex pool_mutex_;
  std::vector<MDB_txn*> pool_;
};

/// A read transaction for one short operation.
class read_txn {
public:
  explicit read_txn(lmdb_env& env);
  ~read_txn();
  read_txn(const read_txn&) = delete;
  read_txn& operator=(const read_txn&) = delete;

  /// 0, or why there is no transaction.
  int status() const { return status_; }
  MDB_txn* raw() { return txn_; }

private:
  lmdb_env& env_;
  MDB_txn* txn_ = nullptr;
  int status_ = 0;
};

/// A write transaction, aborted unless committed.
class write_txn {
public:
  explicit write_txn(lmdb_env& env) : status_(mdb_txn_begin(env.raw(), nullptr, 0, &txn_)) {}
  ~write_txn() {
    if (txn_)
      mdb_txn_abort(txn_);
  }
  write_txn(const write_txn&) = delete;
  write_txn& operator=(const write_txn&) = delete;

  int status() const { return status_; }
  MDB_txn* raw() { return txn_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

private:
  MDB_txn* txn_ = nullptr;
  int status_;
};

} // namespace shoal
