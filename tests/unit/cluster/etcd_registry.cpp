// SPDX-License-Identifier: Apache-2.0
// Commit store and replica on a real etcd and a real LMDB.
#define CAF_SUITE cluster.etcd_registry

#include "cluster/etcd_commit_store.hpp"
#include "cluster/lmdb_copy.hpp"
#include "core/limits.hpp"
#include "tests/unit/cluster/support/etcd_process.hpp"
#include "tests/unit/persistence/support.hpp"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::coordination;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

/// LMDB, in a process that dies when it is about to apply a change, or just after.
struct deadly_copy final : replica_copy {
  deadly_copy(lmdb_store& store, int die, bool die_late)
      : real{store}, die_in{die}, is_late{die_late} {}

  result<copy_position> position() const override { return real.position(); }
  result<void> apply(std::span<const replicated> changes, const copy_position& after) override {
    bool ends = !changes.empty() && die_in > 0 && --die_in == 0;
    if (ends && !is_late)
      ::kill(::getpid(), SIGKILL);
    auto done = real.apply(changes, after);
    if (ends)
      ::kill(::getpid(), SIGKILL);
    return done;
  }
  result<std::string> origin() const override { return real.origin(); }
  result<void> adopt(const std::string& cluster) override { return real.adopt(cluster); }
  result<void> visit(table where, std::string_view first, const visitor& v) const override {
    return real.visit(where, first, v);
  }

  lmdb_copy real;
  int die_in;
  bool is_late;
};

/// A node's registry.
struct registry : replica_listener {
  registry(const etcd_cluster& to, const fs::path& path, int die_in = 0, bool die_late = false)
      : etcd{connect(on, to)}, store{open_store(store_config(path))}, disk{*store, die_in,
                                                                           die_late} {
    replica_config of_copy;
    of_copy.node = "n";
    of_copy.cluster = "c";
    of_copy.follow.page = 50;
    copy = std::make_unique<replica>(*etcd, disk, clock, *this, of_copy);
    etcd_commit_config of_commits;
    of_commits.node = "n";
    of_commits.incarnation = static_cast<uint64_t>(::getpid());
    commits = std::make_unique<etcd_commit_store>(
        *etcd, *copy, [this](size_t) { return guard; }, clock, of_commits);
  }

  void until(const std::function<bool()>& so) {
    on.until([&] {
      copy->advance();
      commits->advance();
      return so();
    });
  }

  void settle() {
    until([&] { return copy->revision() != 0; });
  }

  std::shared_ptr<std::optional<result<uint64_t>>> commit(commit_request what) {
    auto got = std::make_shared<std::optional<result<uint64_t>>>();
    commits->commit({std::move(what), 0, {}, {}},
                    [got](result<uint64_t> outcome) { *got = std::move(outcome); });
    return got;
  }

  /// @returns whether copy and etcd agree, versions too.
  bool is_equal() {
    range_query query{"shoal/data/refs/", "shoal/data/refs0", 1000, 0};
    size_t rows = 0;
    for (bool more = true; more;) {
      auto page = read(on, *etcd, query);
      CAF_REQUIRE(page);
      for (const auto& kv : page->keys) {
        auto held = store->get(table::refs, kv.key.substr(query.first.find("refs/") + 5));
        if (!held || !*held || (*held)->value != kv.value || (*held)->revision != kv.mod_revision)
          return false;
        ++rows;
      }
      more = page->more;
      query.at_revision = page->revision;
      if (more)
        query.first = page->keys.back().key + '\0';
    }
    return rows == count_of(*store, table::refs);
  }

  void applied(uint64_t, std::span<const replicated>) override {}
  void replaced(uint64_t) override {}
  void failed(const error& why) override { failures.push_back(why); }

  loop on;
  std::unique_ptr<etcd_client> etcd;
  std::function<mono_time()> clock = [] { return mono_now(); };
  std::unique_ptr<lmdb_store> store;
  deadly_copy disk;
  std::optional<condition> guard{{"shoal/slots/00/owner", condition::what::mod_revision, 0}};
  std::unique_ptr<replica> copy;
  std::unique_ptr<etcd_commit_store> commits;
  std::vector<error> failures;
};

/// What a node does until it dies: each key once, as long as it is not there.
[[noreturn]] void write_until_killed(const etcd_cluster& to, const fs::path& path, int round) {
  registry node{to, path, 3 + round, round % 2 == 1};
  node.settle();
  for (int i = 0;; ++i) {
    auto got = node.commit(
        create_request(table::refs, std::to_string(round) + '/' + std::to_string(i), "v"));
    node.until([&] { return got->has_value(); });
  }
}

} // namespace

CAF_TEST(a node killed between commit and apply comes back with all of it) {
  etcd_cluster etcd;
  temp_folder folder;
  auto path = folder.path() / "store";
  uint64_t behind = 0;
  for (int round = 0; round < 6; ++round) {
    auto child = ::fork();
    if (child == 0)
      write_until_killed(etcd, path, round);
    int status = 0;
    ::waitpid(child, &status, 0);
    CAF_REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    registry node{etcd, path};
    auto stored = node.disk.position();
    CAF_REQUIRE(stored && stored->complete);
    auto stood = stored->revision;
    CAF_CHECK(stood > 0);
    auto now = read(node.on, *node.etcd, {"shoal/data/", "shoal/data0", 1, 0});
    CAF_REQUIRE(now);
    behind += now->revision > stood;
    node.until([&] { return node.copy->revision() >= now->revision; });
    CAF_CHECK(node.is_equal());
    CAF_CHECK(node.failures.empty());
  }
  CAF_CHECK(behind >= 3);
}

CAF_TEST(etcd takes the largest transactions that are made) {
  etcd_cluster etcd;
  temp_folder folder;
  registry node{etcd, folder.path() / "store"};
  node.settle();
  std::vector<std::shared_ptr<std::optional<result<uint64_t>>>> all;
  for (int i = 0; i < 600; ++i)
    all.push_back(node.commit(create_request(table::refs, "small/" + std::to_string(i), "v")));
  for (int i = 0; i < 8; ++i)
    all.push_back(node.commit(
        create_request(table::refs, "large/" + std::to_string(i), std::string(400'000, 'x'))));
  all.push_back(node.commit(
      create_request(table::refs, "largest", std::string(limits::record_bytes_max, 'x'))));
  node.until([&] { return node.commits->stats().open == 0; });
  for (auto& got : all)
    CAF_CHECK(got->value().has_value());
  CAF_CHECK(node.commits->stats().transactions < 40);
  CAF_CHECK(node.is_equal());
}

CAF_TEST(an etcd that goes away and comes back costs no acknowledged write) {
  etcd_cluster etcd;
  temp_folder folder;
  registry node{etcd, folder.path() / "store"};
  node.settle();
  auto kept = node.commit(create_request(table::refs, "kept", "v"));
  node.until([&] { return kept->has_value(); });
  CAF_CHECK(kept->value().has_value());
  etcd.kill(0);
  auto refused = node.commit(create_request(table::refs, "refused", "v"));
  node.until([&] { return refused->has_value(); });
  CAF_CHECK(!refused->value());
  etcd.start(0);
  auto again = node.commit(create_request(table::refs, "again", "v"));
  node.until([&] {
    if (*again && !again->value())
      again = node.commit(create_request(table::refs, "again", "v"));
    return *again && again->value();
  });
  CAF_CHECK_EQUAL(value_of(*node.store, table::refs, "again"), "v");
  CAF_CHECK_EQUAL(value_of(*node.store, table::refs, "refused"), "absent");
  CAF_CHECK(node.is_equal());
}

CAF_TEST(a slot that another owns is refused by etcd itself) {
  etcd_cluster etcd;
  temp_folder folder;
  registry node{etcd, folder.path() / "store"};
  node.settle();
  auto taken = commit(node.on, *node.etcd, {{}, {{"shoal/slots/00/owner", "other 1", 0}}, {}});
  CAF_REQUIRE(taken);
  auto late = node.commit(create_request(table::refs, "a", "v"));
  node.until([&] { return late->has_value(); });
  CAF_CHECK_EQUAL(code_of(late->value()), ec::not_owner);
  node.guard->equals = taken->revision;
  auto mine = node.commit(create_request(table::refs, "a", "v"));
  node.until([&] { return mine->has_value(); });
  CAF_CHECK(mine->value().has_value());
}
