// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/copy_diff.hpp"
#include "cluster/keys.hpp"
#include "core/clock.hpp"
#include "persistence/lmdb_store.hpp"

namespace shoal::cluster {

/// Compares the registry in etcd with one in LMDB, value by value, at one revision.
class registry_check {
public:
  /// How many records both have; ec::corrupt and the first difference; or why it cannot be told.
  using callback = std::function<void(result<uint64_t> records)>;

  /// All outlive the check.
  registry_check(coordination::store& etcd, const lmdb_store& local,
                 const std::function<mono_time()>& now, const key_space& keys)
      : etcd_{etcd}, local_{local}, now_{now}, prefix_{keys.data()} {}

  /// @param at_revision of etcd; 0: now. @param then called once, unless this dies before.
  void start(uint64_t at_revision, callback then);

  /// Asks again what was not answered: every 50 ms or so.
  void advance();

private:
  void read();
  void on_page(result<coordination::range_page> page);
  result<void> compare(const coordination::key_value& kv);
  result<uint64_t> outcome() const;

  coordination::store& etcd_;
  const lmdb_store& local_;
  const std::function<mono_time()>& now_;
  std::string prefix_;
  uint64_t revision_ = 0;
  std::string next_;
  uint64_t records_ = 0;
  int attempts_ = 0;
  bool is_waiting_ = false; // For its next attempt.
  mono_time next_try_{};
  callback then_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
