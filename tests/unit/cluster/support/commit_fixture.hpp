// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_commit_store.hpp"
#include "tests/sim/etcd_model.hpp"
#include "tests/sim/memory_copy.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/unit_test.hpp>

namespace shoal::test {

/// Passes questions on, and loses answers or questions as a test wants it.
class faulty_store final : public coordination::store {
public:
  explicit faulty_store(coordination::store& real) : real_{real} {}

  enum class fault : uint8_t { none, lose_answer, lose_question, refuse, hold };

  fault next = fault::none; ///< Of commits; stays until it is changed.
  bool refuses_reads = false;
  ec refusal = ec::unavailable;
  size_t commits = 0;
  size_t reads = 0;
  std::vector<coordination::transaction> sent;
  std::vector<std::function<void()>> held; ///< Commits that are on their way still.

  void commit(coordination::transaction what, mono_time deadline,
              callback<coordination::transaction_result> then) override {
    ++commits;
    sent.push_back(what);
    auto lost = [then](const auto&) { then(fail(ec::timeout, "lost")); };
    if (next == fault::none)
      real_.commit(std::move(what), deadline, std::move(then));
    else if (next == fault::lose_answer)
      real_.commit(std::move(what), deadline, lost);
    else if (next == fault::refuse)
      real_.read({"x", "y", 1, 0}, deadline,
                 [this, then](const auto&) { then(fail(refusal, "refused")); });
    else
      real_.read({"x", "y", 1, 0}, deadline, lost);
    auto late = [this, what = sent.back(), deadline] {
      real_.commit(what, deadline, [](const auto&) {});
    };
    if (next == fault::hold)
      held.push_back(std::move(late));
  }
  void read(coordination::range_query what, mono_time deadline,
            callback<coordination::range_page> then) override {
    ++reads;
    if (refuses_reads)
      then = [this, then](const auto&) { then(fail(refusal, "refused")); };
    real_.read(std::move(what), deadline, std::move(then));
  }
  std::unique_ptr<coordination::watch> follow(std::string first, std::string end,
                                              uint64_t from_revision,
                                              coordination::watcher& who) override {
    return real_.follow(std::move(first), std::move(end), from_revision, who);
  }
  void grant(uint32_t ttl_s, mono_time deadline, callback<coordination::lease_id> then) override {
    real_.grant(ttl_s, deadline, std::move(then));
  }
  void keep_alive(coordination::lease_id lease, mono_time deadline,
                  callback<uint32_t> then) override {
    real_.keep_alive(lease, deadline, std::move(then));
  }
  void revoke(coordination::lease_id lease, mono_time deadline, callback<uint64_t> then) override {
    real_.revoke(lease, deadline, std::move(then));
  }

private:
  coordination::store& real_;
};

/// A commit store with its replica on a model of etcd, owner of all slots until told otherwise.
struct commit_fixture : cluster::replica_listener {
  using answer = std::shared_ptr<std::optional<result<uint64_t>>>;

  commit_fixture() {
    config.node = "n";
    config.incarnation = 7;
    copy_config.node = "n";
    copy_config.cluster = "c";
  }

  /// After the configuration is as the test wants it.
  void start() {
    for (size_t s : {0u, 1u, 2u})
      owners[s] = set(keys.owner(s), "n 7");
    copy = std::make_unique<cluster::replica>(*link, disk, clock, *this, copy_config);
    commits = std::make_unique<cluster::etcd_commit_store>(
        faulty, *copy,
        [this](size_t slot) -> std::optional<coordination::condition> {
          if (!owners.contains(slot))
            return std::nullopt;
          return coordination::condition{keys.owner(slot),
                                         coordination::condition::what::mod_revision, owners[slot]};
        },
        clock, config);
    run_for(std::chrono::seconds{1});
  }

  uint64_t set(const std::string& key, std::optional<std::string> value) {
    operator_link->commit({{}, {{key, std::move(value), 0}}, {}},
                          time.now() + std::chrono::seconds{1}, [](auto) {});
    time.run_for(std::chrono::milliseconds{20});
    return etcd.state().revision();
  }

  answer commit(commit_request what, std::optional<size_t> slot = 0, std::string once = {}) {
    auto got = std::make_shared<std::optional<result<uint64_t>>>();
    commits->commit({std::move(what), slot, std::move(once), {}}, [got](result<uint64_t> outcome) {
      SHOAL_CHECK(!*got);
      *got = std::move(outcome);
    });
    return got;
  }

  void run_for(sim::duration span) {
    for (auto end = time.now() + span; time.now() < end;) {
      if (copy)
        copy->advance();
      if (commits)
        commits->advance();
      time.run_for(std::chrono::milliseconds{20});
    }
  }

  bool failed(const answer& a, ec why) const {
    return *a && !a->value() && a->value().error().code == why;
  }
  bool succeeded(const answer& a) const { return *a && a->value(); }

  std::string value(const std::string& key) const {
    auto kv = etcd.state().find(keys.data("refs", key));
    return kv ? kv->value : "absent";
  }
  uint64_t revision(const std::string& key) const {
    auto kv = etcd.state().find(keys.data("refs", key));
    return kv ? kv->mod_revision : 0;
  }

  void applied(uint64_t, std::span<const replicated>) override {}
  void replaced(uint64_t) override {}
  void failed(const error&) override {}

  sim::timeline time{1};
  sim::etcd_model etcd{time, {}};
  std::unique_ptr<sim::etcd_link> link = etcd.connect();
  std::unique_ptr<sim::etcd_link> operator_link = etcd.connect();
  faulty_store faulty{*link};
  std::function<mono_time()> clock = [this] { return time.now(); };
  cluster::key_space keys{"shoal/"};
  std::map<size_t, uint64_t> owners;
  sim::memory_copy disk;
  cluster::replica_config copy_config;
  cluster::etcd_commit_config config;
  std::unique_ptr<cluster::replica> copy;
  std::unique_ptr<cluster::etcd_commit_store> commits;
};

} // namespace shoal::test
