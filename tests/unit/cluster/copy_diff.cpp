// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.copy_diff

#include "cluster/copy_diff.hpp"

#include "core/limits.hpp"
#include "tests/sim/memory_copy.hpp"
#include "tests/sim/timeline.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::coordination;

namespace {

constexpr std::string_view prefix = "p/data/";

key_value row(const std::string& below, const std::string& value, uint64_t revision) {
  return {std::string(prefix) + below, value, revision, revision, 0};
}

/// All rows of a copy as "TABLE/KEY" with value and revision.
std::map<std::string, versioned> rows_of(const sim::memory_copy& copy) {
  std::map<std::string, versioned> all;
  for (auto where : shared_tables)
    static_cast<void>(copy.visit(where, {}, [&](auto key, auto) {
      all[std::string(name(where)) + '/' + std::string(key)] = *copy.find(where, std::string(key));
      return true;
    }));
  return all;
}

/// Compares page by page. @returns what was found.
std::vector<replicated> compare(const sim::memory_copy& copy, const std::vector<key_value>& truth,
                                size_t page) {
  copy_diff diff{copy, prefix.size()};
  for (size_t i = 0; i < truth.size(); i += page)
    CAF_CHECK(diff.add(std::span(truth).subspan(i, std::min(page, truth.size() - i))));
  CAF_CHECK(diff.finish());
  return diff.take();
}

} // namespace

CAF_TEST(a data key names its table) {
  CAF_CHECK((parse_data_key("refs/ns/name@rev") == data_key{table::refs, "ns/name@rev"}));
  CAF_CHECK((parse_data_key(std::string("entries/\0/", 10))
             == data_key{table::entries, std::string_view("\0/", 2)}));
  for (auto odd : {"", "refs", "refs/", "meta/x", "barriers/n", "REFS/x", "refsx/y"})
    CAF_CHECK(!parse_data_key(odd));
  CAF_CHECK(!parse_data_key("refs/" + std::string(limits::store_key_bytes_max + 1, 'x')));
}

CAF_TEST(an equal copy lacks nothing) {
  sim::memory_copy copy;
  std::vector<key_value> truth{row("entries/a", "1", 3), row("refs/a", "2", 4)};
  CAF_REQUIRE(copy.apply(compare(copy, truth, 10), {4, true}));
  CAF_CHECK(compare(copy, truth, 10).empty());
  CAF_CHECK(compare(copy, truth, 1).empty());
}

CAF_TEST(what is gone is erased in whichever page it stood) {
  sim::memory_copy copy;
  std::vector<key_value> truth{row("aliases/a", "1", 1), row("aliases/z", "1", 1),
                               row("entries/m", "1", 1), row("users/a", "1", 1),
                               row("users/z", "1", 1)};
  CAF_REQUIRE(copy.apply(compare(copy, truth, 10), {1, true}));
  for (size_t keep = 0; keep < truth.size(); ++keep) {
    auto found = compare(copy, {truth[keep]}, 1);
    CAF_CHECK_EQUAL(found.size(), 4u);
    for (const auto& f : found)
      CAF_CHECK(!f.value);
  }
  CAF_CHECK(compare(copy, {}, 1).size() == 5u);
}

CAF_TEST(keys that no copy can hold are passed over) {
  sim::memory_copy copy;
  std::vector<key_value> truth{row("barriers/n", "", 1),
                               row("entries/a", "1", 1),
                               row("meta/x", "1", 1),
                               row("refs/" + std::string(600, 'x'), "1", 1),
                               row("refs/y", std::string(2 << 20, 'x'), 1),
                               row("someday/x", "1", 1),
                               row("users/a", "1", 1),
                               row("zebra/x", "1", 1)};
  for (size_t page : {1u, 3u, 10u}) {
    auto found = compare(copy, truth, page);
    CAF_CHECK_EQUAL(found.size(), 2u);
  }
}

CAF_TEST(random ranges become the copy whatever the pages) {
  sim::dice random{7};
  sim::memory_copy copy;
  constexpr std::array tables{"aliases/", "barriers/", "blocked/", "entries/",
                              "meta/",    "refs/",     "users/"};
  for (int round = 0; round < 300; ++round) {
    std::map<std::string, key_value> truth;
    std::map<std::string, versioned> shared;
    for (auto rows = random.below(20); rows > 0; --rows) {
      auto key = tables[random.below(tables.size())] + std::to_string(random.below(12));
      auto revision = 1 + random.below(5);
      auto kv = row(key, "v" + std::to_string(revision), revision);
      truth[key] = kv;
      if (parse_data_key(key))
        shared[key] = {kv.value, revision};
    }
    std::vector<key_value> all;
    for (auto& [key, kv] : truth)
      all.push_back(kv);
    CAF_REQUIRE(copy.apply(compare(copy, all, 1 + random.below(6)), {1, true}));
    CAF_CHECK(rows_of(copy) == shared);
  }
}
