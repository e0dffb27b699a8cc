// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.lmdb_faults

#include "persistence/lmdb_store.hpp"
#include "tests/unit/persistence/support.hpp"
#include "tests/unit/support/killed_child.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture {
  temp_folder folder;
  lmdb_config config = store_config(folder.path() / "db");
};

std::string numbered(int i) {
  return std::to_string(1'000'000 + i);
}

std::string value_for(int i) {
  return numbered(i) + std::string(4000, 'v');
}

/// Writes single values until the store refuses. @returns how many were acknowledged.
int fill(lmdb_store& store, int first, ec expected) {
  for (int i = first; i < first + 100'000; ++i) {
    auto done = store.commit(put_request(table::entries, numbered(i), value_for(i)));
    if (!done) {
      CAF_CHECK_EQUAL(to_string(done.error()).empty(), false);
      CAF_CHECK_EQUAL(done.error().code, expected);
      return i;
    }
  }
  CAF_FAIL("the store never got full");
}

void check_all(const lmdb_store& store, int count) {
  for (int i = 0; i < count; ++i)
    if (auto value = value_of(store, table::entries, numbered(i)); value != value_for(i))
      CAF_FAIL("value " << i << " is " << value.substr(0, 100));
}

/// Flips the last bit of each occurrence of `marker` in the file.
size_t damage(const fs::path& file, std::string_view marker) {
  auto bytes = file_bytes(file);
  size_t hits = 0;
  for (auto at = bytes.find(marker); at != std::string::npos; at = bytes.find(marker, at)) {
    at += marker.size() - 1;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    ++hits;
  }
  write_file(file, bytes);
  return hits;
}

/// The descriptor through which LMDB writes root pages of the store in `folder`.
int root_page_fd(const fs::path& folder) {
  for (const auto& item : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    auto fd = std::stoi(item.path().filename().string());
    auto flags = ::fcntl(fd, F_GETFL);
    if (fs::read_symlink(item.path(), ignored) == folder / "data.mdb" && (flags & O_DSYNC) != 0)
      return fd;
  }
  return -1;
}

/// Child: commits for ever and reports each acknowledged number through the pipe.
[[noreturn]] void commit_for_ever(const lmdb_config& config, int first, int report_fd) {
  auto store = lmdb_store::open(config);
  for (int i = first; store; i += 3) {
    std::vector<commit_request> batch;
    for (int j = i; j < i + 3; ++j)
      batch.push_back(create_request(table::entries, numbered(j), value_for(j)));
    for (auto& outcome : (*store)->commit(batch))
      if (!outcome)
        ::_exit(1);
    int last = i + 2;
    if (::write(report_fd, &last, sizeof(last)) != sizeof(last))
      ::_exit(2);
  }
  ::_exit(3);
}

/// Runs the child until it has reported `reports` times, kills it in the midst of whatever it does.
/// @returns the highest number that it has reported.
int kill_during_commits(const lmdb_config& config, int first, int reports) {
  int last = first - 1;
  CAF_CHECK(kill_after<int>(
      reports, [&](int report_fd) { commit_for_ever(config, first, report_fd); },
      [&](int number) { last = number; }));
  return last;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(lmdb_fault_tests, fixture)

CAF_TEST(the map grows under readers) {
  config.initial_map_bytes = 256 * 1024;
  config.sync = false; // What is shown does not depend on the disk.
  auto store = open_store(config);
  constexpr int count = 6000;
  std::atomic<int> written{0};
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 4; ++r)
    readers.emplace_back([&, r] {
      for (int i = r; !done || i < 200; ++i) {
        int known = written;
        if (known > 0
            && value_of(*store, table::entries, numbered(i % known)) != value_for(i % known))
          ++wrong;
        int seen = 0;
        auto visit = [&](auto, auto, uint64_t) { return ++seen < 20; };
        if (!store->scan(table::entries, numbered(known / 2), visit) || !store->count(table::refs))
          ++wrong;
      }
    });
  for (int i = 0; i < count; i += 100) {
    std::vector<commit_request> batch;
    for (int j = i; j < i + 100; ++j)
      batch.push_back(put_request(table::entries, numbered(j), value_for(j)));
    for (auto& outcome : store->commit(batch))
      CAF_CHECK(outcome.has_value());
    written = i + 100;
  }
  done = true;
  for (auto& reader : readers)
    reader.join();
  CAF_CHECK_EQUAL(wrong, 0);
  check_all(*store, count);
  auto stats = store->stats();
  CAF_CHECK_GREATER(stats.growths, 4u);
  CAF_CHECK_GREATER(stats.map_bytes, 60 * config.initial_map_bytes);
  CAF_CHECK_LESS_OR_EQUAL(stats.used_bytes, stats.map_bytes);
  store.reset();
  store = open_store(config); // With the small initial map again.
  check_all(*store, count);
  CAF_CHECK(store->commit(put_request(table::users, "u", "1")));
}

CAF_TEST(a map at its maximum refuses and keeps and goes on after erasing or with a higher one) {
  config.initial_map_bytes = 256 * 1024;
  config.max_map_bytes = 2 << 20;
  auto store = open_store(config);
  int count = fill(*store, 0, ec::storage_full);
  CAF_CHECK_GREATER(count, 100);
  check_all(*store, count);
  CAF_CHECK(!store->stats().healthy);
  CAF_CHECK_EQUAL(store->stats().map_bytes, config.max_map_bytes);
  CAF_CHECK(store->stats().last_error->detail.find("maximum") != std::string::npos);

  commit_request erase;
  for (int i = count - 5; i < count; ++i)
    erase.mutations.push_back({table::entries, numbered(i), std::nullopt});
  std::vector<commit_request> batch{put_request(table::entries, "x", value_for(0)), erase};
  batch.front().mutations.front().value->resize(100'000);
  auto outcomes = store->commit(batch);
  CAF_CHECK(code_of(outcomes[0]) == ec::storage_full);
  CAF_CHECK(outcomes[1].has_value());
  CAF_CHECK(!store->stats().healthy);
  count = fill(*store, count - 5, ec::storage_full);
  for (int i = 0; i < count; ++i)
    erase.mutations.push_back({table::entries, numbered(i), std::nullopt});
  CAF_CHECK(store->commit(erase));
  CAF_CHECK(store->stats().healthy);
  CAF_CHECK_LESS(store->stats().map_bytes, config.max_map_bytes + (1 << 20));
  count = fill(*store, 0, ec::storage_full);
  CAF_CHECK_GREATER(count, 100);

  store.reset();
  config.max_map_bytes = 4 << 20; // The operator raises the limit.
  store = open_store(config);
  check_all(*store, count);
  CAF_CHECK(store->commit(put_request(table::users, "u", "1")));
  CAF_CHECK(store->stats().healthy);
}

CAF_TEST(a full disk refuses and keeps and accepts again once there is space) {
  tiny_disk disk;
  if (!disk.mounted())
    return;
  auto ballast = disk.path() / "ballast";
  write_file(ballast, std::string(300'000, 'b'));
  config.path = disk.path() / "db";
  config.initial_map_bytes = 64 << 20; // Larger than the disk: growth is not what stops it.
  auto store = open_store(config);
  int count = fill(*store, 0, ec::storage_full);
  CAF_CHECK_GREATER(count, 20);
  check_all(*store, count);
  CAF_CHECK(!store->stats().healthy);

  CAF_MESSAGE("a restart on the full disk still reads");
  store.reset();
  store = open_store(config);
  check_all(*store, count);
  CAF_CHECK(code_of(store->commit(put_request(table::entries, "x", std::string(50'000, 'x'))))
            == ec::storage_full);

  CAF_MESSAGE("without a restart it goes on when there is space");
  fs::remove(ballast);
  CAF_CHECK(store->commit(put_request(table::entries, "x", std::string(50'000, 'x'))));
  CAF_CHECK(store->stats().healthy);
  CAF_CHECK(store->stats().last_error.has_value());
  check_all(*store, count);
}

CAF_TEST(the map does not grow beyond what the disk has) {
  tiny_disk disk;
  if (!disk.mounted())
    return;
  auto ballast = disk.path() / "ballast";
  write_file(ballast, std::string(400'000, 'b'));
  config.path = disk.path() / "db";
  config.initial_map_bytes = 256 * 1024;
  auto store = open_store(config);
  int count = fill(*store, 0, ec::storage_full);
  CAF_CHECK_LESS(store->stats().map_bytes, uint64_t{1} << 20);
  fs::remove(ballast);
  int more = fill(*store, count, ec::storage_full);
  CAF_CHECK_GREATER(more, count);
  check_all(*store, more);
}

CAF_TEST(a failed write of the root page is survived by reopening) {
  auto store = open_store(config);
  CAF_CHECK(store->commit(put_request(table::users, "u", "1")));
  auto fd = root_page_fd(config.path);
  CAF_REQUIRE(fd >= 0);
  auto blocked = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CAF_REQUIRE(::dup2(blocked, fd) == fd);
  CAF_CHECK(code_of(store->commit(put_request(table::users, "u", "2"))) == ec::storage_failed);
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "1");
  CAF_CHECK(!store->stats().healthy);
  auto next = store->commit(put_request(table::users, "u", "3"));
  CAF_CHECK(next.has_value());
  CAF_CHECK_EQUAL(value_of(*store, table::users, "u"), "3");
  CAF_CHECK(store->stats().healthy);
  ::close(blocked);
}

CAF_TEST(every acknowledged commit survives a kill) {
  int known = -1;
  for (int round = 0; round < 8; ++round) {
    int last = kill_during_commits(config, known + 1, 5 + 3 * round);
    CAF_CHECK_GREATER_OR_EQUAL(last, known + 3 * (5 + 3 * round));
    auto store = open_store(config);
    check_all(*store, last + 1);
    // The batch that was under way may have been applied, but not in part.
    known = static_cast<int>(count_of(*store, table::entries)) - 1;
    CAF_CHECK_EQUAL((known + 1) % 3, 0);
    CAF_CHECK_GREATER_OR_EQUAL(known, last);
    check_all(*store, known + 1);
  }
}

CAF_TEST(a flipped bit costs one value) {
  auto store = open_store(config);
  for (auto key : {"a", "b", "c"})
    CAF_CHECK(store->commit(put_request(table::users, key, std::string("content of ") + key)));
  store.reset();
  CAF_CHECK_GREATER(damage(config.path / "data.mdb", "content of b"), 0u);
  store = open_store(config);
  CAF_CHECK_EQUAL(value_of(*store, table::users, "a"), "content of a");
  CAF_CHECK(code_of(store->get(table::users, "b")) == ec::corrupt);
  CAF_CHECK_EQUAL(value_of(*store, table::users, "c"), "content of c");

  std::string seen;
  auto scanned = store->scan(table::users, {}, [&](std::string_view key, auto, uint64_t) {
    seen += key;
    return true;
  });
  CAF_CHECK_EQUAL(seen, "ac");
  CAF_REQUIRE(!scanned);
  CAF_CHECK((scanned.error() == error{ec::corrupt, "the value of key b in table users, 1 in all"}));
  CAF_CHECK_EQUAL(store->stats().corrupt_values, 2u);
  std::string keys;
  CAF_CHECK(store->scan_keys(table::users, {}, [&](std::string_view key, uint64_t revision) {
    keys += std::string(key) + (revision == 0 ? "!" : "");
    return true;
  }));
  CAF_CHECK_EQUAL(keys, "ab!c");

  CAF_MESSAGE("a guard on it fails alone, and a new value heals it");
  auto guarded = put_request(table::users, "d", "4");
  guarded.guards.push_back({table::users, "b", 1});
  std::vector<commit_request> batch{guarded, put_request(table::users, "b", "new")};
  auto outcomes = store->commit(batch);
  CAF_CHECK(code_of(outcomes[0]) == ec::corrupt);
  CAF_CHECK(outcomes[1].has_value());
  CAF_CHECK_EQUAL(value_of(*store, table::users, "b"), "new");
  CAF_CHECK_EQUAL(value_of(*store, table::users, "d"), "absent");
}

CAF_TEST(a damaged revision counter starts beyond every revision in use) {
  auto store = open_store(config);
  auto before = *store->commit(put_request(table::users, "u", "1"));
  store.reset();
  CAF_CHECK_GREATER(damage(config.path / "data.mdb", std::string("store.revision\0\0", 16)), 0u);
  store = open_store(config);
  auto after = store->commit(put_request(table::users, "u", "2"));
  CAF_REQUIRE(after.has_value());
  CAF_CHECK_GREATER(*after, before);
}

CAF_TEST(a foreign or cut file is reported and not touched) {
  auto store = open_store(config);
  for (int i = 0; i < 500; ++i)
    CAF_CHECK(store->commit(put_request(table::entries, numbered(i), value_for(i))));
  store.reset();
  auto file = config.path / "data.mdb";
  auto whole = file_bytes(file);
  for (auto bytes : {std::string(100'000, 'x'), std::string("short"), whole.substr(0, 5000),
                     whole.substr(0, whole.size() / 2)}) {
    write_file(file, bytes);
    auto opened = lmdb_store::open(config);
    CAF_REQUIRE(!opened);
    CAF_CHECK_EQUAL(opened.error().code, ec::corrupt);
    CAF_CHECK(opened.error().detail.find(file.string()) != std::string::npos);
    CAF_CHECK(opened.error().detail.find("restore it") != std::string::npos);
    CAF_CHECK(file_bytes(file) == bytes);
  }
  write_file(file, whole);
  check_all(*open_store(config), 500);
}

CAF_TEST(a folder that cannot be made is an error) {
  write_file(folder.path() / "file", "x");
  config.path = folder.path() / "file" / "db";
  CAF_CHECK(code_of(lmdb_store::open(config)) == ec::storage_failed);
}

CAF_TEST_FIXTURE_SCOPE_END()
