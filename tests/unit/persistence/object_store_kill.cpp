// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.object_store_kill

#include "persistence/object_store.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"
#include "tests/unit/support/killed_child.hpp"

#include <caf/test/unit_test.hpp>

#include <random>
#include <set>
#include <unistd.h>

using namespace shoal;
using namespace shoal::test;

namespace {

constexpr int names = 60;

/// What the child has done: object `i` is pinned from `begun` on until it says otherwise.
struct report {
  int number;
  bool pinned;
};

std::string content(int i) {
  return object_store_fixture::numbered(i, 30'000);
}

void must(bool done) {
  if (!done)
    ::_exit(1);
}

/// Child: pulls, pins, unpins and removes at random, and reports pins that are acknowledged; before
/// it gives one up, it says so.
[[noreturn]] void live(const fs::path& root, unsigned seed, int report_fd) {
  object_store_config config;
  config.root = root;
  config.cache_bytes_max = object_store_fixture::cache_bytes;
  auto opened = object_store::open(std::move(config));
  must(opened.has_value());
  auto& store = **opened;
  std::mt19937 random(seed);
  auto tell = [&](report x) { must(::write(report_fd, &x, sizeof(x)) == sizeof(x)); };
  for (int n = 0;; ++n) {
    auto i = static_cast<int>(random() % names);
    auto object = sha256(content(i));
    switch (random() % 4) {
    case 0:
      must(store.put(content(i), "ref").has_value());
      tell({i, true});
      break;
    case 1:
      if (store.pin("ref", {object}))
        tell({i, true});
      break;
    case 2:
      tell({i, false});
      must(store.unpin("ref", {object}).has_value());
      break;
    default: {
      auto temp = root / ("temp" + std::to_string(n));
      write_file(temp, content(i));
      if (auto room = store.make_room(content(i).size()))
        must(room->fill(temp, object).has_value());
    }
    }
  }
}

/// @param pinned what was pinned before; what is pinned for sure afterwards.
void live_until_killed(const fs::path& root, unsigned seed, int reports, std::set<int>& pinned) {
  CAF_REQUIRE(kill_after<report>(
      reports, [&](int report_fd) { live(root, seed, report_fd); },
      [&](const report& x) {
        x.pinned ? (void)pinned.insert(x.number) : (void)pinned.erase(x.number);
      }));
}

struct fixture : object_store_fixture {
  void check(const std::set<int>& pinned) {
    CAF_CHECK(store->lost({}, 10).empty());
    for (int i = 0; i < names; ++i) {
      auto object = sha256(content(i));
      auto record = store->index().find(object);
      CAF_REQUIRE(record.has_value());
      CAF_CHECK_EQUAL(record->has_value(), store->size(object).has_value());
      CAF_CHECK(!pinned.contains(i) || (*record && (*record)->pins == 1));
      if (!*record)
        continue;
      CAF_CHECK_EQUAL((*record)->kept, store->files().size(object).has_value());
      if (bytes_of(object) != content(i))
        CAF_FAIL("object " << i << " is torn");
    }
    CAF_CHECK_LESS_OR_EQUAL(cache_use(), cache_bytes);
    CAF_CHECK_EQUAL(store->scrub(uint64_t{1} << 30)->size(), 0u);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_store_kill_tests, fixture)

CAF_TEST(a killed process loses no pin and tears no object) {
  std::set<int> pinned;
  for (unsigned round = 1; round <= 12; ++round) {
    store.reset();
    live_until_killed(root, round, 5 + static_cast<int>(round * 13 % 50), pinned);
    store = open_store(cache_bytes);
    check(pinned);
    if (round % 4 == 0) { // Without the index, all that was pinned is kept and nobody's.
      store.reset();
      fs::remove_all(root / "index");
      store = open_store(cache_bytes);
      for (auto i : pinned) {
        CAF_CHECK(store->files().size(sha256(content(i))).has_value());
        CAF_REQUIRE(store->pin("ref", {sha256(content(i))}));
      }
      check(pinned);
    }
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
