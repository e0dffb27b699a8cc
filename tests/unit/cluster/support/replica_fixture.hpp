// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/lmdb_copy.hpp"
#include "cluster/replica.hpp"
#include "tests/sim/etcd_model.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

#include <limits>

namespace shoal::test {

using namespace shoal::sim;
using namespace shoal::cluster;
using namespace shoal::coordination;
using namespace std::chrono_literals;

/// LMDB, with a disk that can be full.
struct frail_copy final : replica_copy {
  explicit frail_copy(lmdb_store& store) : real{store} {}

  result<std::string> origin() const override { return real.origin(); }
  result<void> adopt(const std::string& cluster) override { return real.adopt(cluster); }
  result<copy_position> position() const override { return real.position(); }
  result<void> apply(std::span<const replicated> changes, const copy_position& after) override {
    if (is_full)
      return fail(ec::storage_full);
    ++transactions;
    return real.apply(changes, after);
  }
  result<void> visit(table where, std::string_view first, const visitor& v) const override {
    return real.visit(where, first, v);
  }

  lmdb_copy real;
  bool is_full = false;
  int transactions = 0;
};

/// A way to an etcd on which something happens to writes.
struct store_before : coordination::store {
  explicit store_before(coordination::store& real) : etcd{real} {}

  void read(coordination::range_query query, mono_time deadline,
            callback<coordination::range_page> then) override {
    etcd.read(std::move(query), deadline, std::move(then));
  }
  std::unique_ptr<coordination::watch> follow(std::string first, std::string end, uint64_t from,
                                              coordination::watcher& who) override {
    return etcd.follow(std::move(first), std::move(end), from, who);
  }
  void grant(uint32_t ttl_s, mono_time deadline, callback<coordination::lease_id> then) override {
    etcd.grant(ttl_s, deadline, std::move(then));
  }
  void keep_alive(coordination::lease_id lease, mono_time deadline,
                  callback<uint32_t> then) override {
    etcd.keep_alive(lease, deadline, std::move(then));
  }
  void revoke(coordination::lease_id lease, mono_time deadline, callback<uint64_t> then) override {
    etcd.revoke(lease, deadline, std::move(then));
  }

  coordination::store& etcd;
};

/// Takes no writes, or not the first ones.
struct refusing_store final : store_before {
  using store_before::store_before;

  void commit(coordination::transaction what, mono_time deadline,
              callback<coordination::transaction_result> then) override {
    if (++commits > refused_max)
      return etcd.commit(std::move(what), deadline, std::move(then));
    then(fail(ec::unavailable, "mvcc: database space exceeded"));
  }

  int commits = 0;
  int refused_max = std::numeric_limits<int>::max();
};

/// One that was restored from a backup, which only writes have noticed yet.
struct restored_store final : store_before {
  using store_before::store_before;

  void commit(coordination::transaction what, mono_time deadline,
              callback<coordination::transaction_result> then) override {
    if (revision == 0)
      return etcd.commit(std::move(what), deadline, std::move(then));
    coordination::transaction_result made;
    made.succeeded = true;
    made.revision = revision++;
    then(std::move(made));
  }

  uint64_t revision = 0; ///< Of the next write; 0: there is one history.
};

/// A replica of a model of etcd in a real LMDB.
struct replica_fixture : replica_listener {
  replica_fixture() {
    config.node = "a";
    config.cluster = "c";
    config.follow.page = 3;
    start();
  }

  void start() {
    copy.reset();
    disk.reset();
    store.reset();
    store = open_store(store_config(folder.path() / "store"));
    disk = std::make_unique<frail_copy>(*store);
    replacements = 0;
    copy = std::make_unique<replica>(*store_used, *disk, clock, *this, config);
  }

  /// Stops, and flips a bit of each occurrence of a text in the file.
  void damage(std::string_view marker) {
    copy.reset();
    disk.reset();
    store.reset();
    auto file = folder.path() / "store" / "data.mdb";
    auto bytes = file_bytes(file);
    size_t hits = 0;
    for (auto at = bytes.find(marker); at != std::string::npos; at = bytes.find(marker, at + 1)) {
      bytes[at + 1] = static_cast<char>(bytes[at + 1] ^ 1);
      ++hits;
    }
    CAF_REQUIRE(hits > 0);
    write_file(file, bytes);
  }

  void applied(uint64_t revision, std::span<const replicated> changes) override {
    last = revision;
    told += changes.size();
  }
  void replaced(uint64_t revision) override {
    last = revision;
    ++replacements;
  }
  void failed(const error& why) override { failures.push_back(why); }

  void run_for(sim::duration span) {
    for (auto end = time.now() + span; time.now() < end;) {
      if (copy)
        copy->advance();
      time.run_for(20ms);
    }
  }

  void put(const std::string& below, std::optional<std::string> value) {
    operator_link->commit({{}, {{"shoal/data/" + below, std::move(value), 0}}, {}}, time.now() + 1s,
                          [](auto) {});
    time.run_for(20ms);
  }

  std::string value(std::string_view key) { return value_of(*store, table::refs, key); }

  /// Whether the copy is what etcd holds, versions too.
  bool is_equal() {
    size_t rows = 0;
    auto page = etcd.state().read({"shoal/data/", "shoal/data0", 1000, 0});
    for (const auto& kv : page->keys) {
      auto at = parse_data_key(std::string_view(kv.key).substr(11));
      if (!at)
        continue;
      ++rows;
      auto held = store->get(at->where, at->key);
      if (!held || !*held || (*held)->value != kv.value || (*held)->revision != kv.mod_revision)
        return false;
    }
    uint64_t all = 0;
    for (auto where : shared_tables)
      all += count_of(*store, where);
    return rows == all;
  }

  timeline time{1};
  etcd_model etcd{time, {}};
  std::unique_ptr<etcd_link> link = etcd.connect();
  coordination::store* store_used = link.get();
  std::unique_ptr<etcd_link> operator_link = etcd.connect();
  std::function<mono_time()> clock = [this] { return time.now(); };
  temp_folder folder;
  replica_config config;
  std::unique_ptr<lmdb_store> store;
  std::unique_ptr<frail_copy> disk;
  std::unique_ptr<replica> copy;
  uint64_t last = 0;
  size_t told = 0;
  int replacements = 0;
  std::vector<error> failures;
};

} // namespace shoal::test
