// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.registry_index

#include "actors/registry_index.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

using namespace shoal;

namespace {

struct entry {
  std::string name;
  std::string category;
  std::string publisher;
  std::string tags;
  unix_seconds created_at = 0;
  uint64_t completions = 0;
  const live_counts* live = nullptr;

  indexed_entry view() const {
    return {name, category, publisher, tags, created_at, completions, live};
  }
};

std::string folded(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z')
      c = char(c - 'A' + 'a');
  return text;
}

/// The same search over a map, written as plainly as possible.
search_result naive(const std::map<std::string, entry>& all, const search_query& q) {
  search_result result;
  for (auto& [key, e] : all) {
    if (folded(e.name).find(folded(q.q)) == std::string::npos
        || folded(e.tags).find(folded(q.tags)) == std::string::npos
        || (!q.category.empty() && q.category != e.category)
        || !q.slots.has(static_cast<uint8_t>(key.front()))
        || (!q.publisher.empty() && q.publisher != e.publisher))
      continue;
    auto value = q.sort == search_sort::created_at    ? uint64_t(e.created_at)
                 : q.sort == search_sort::completions ? e.completions
                 : e.live                             ? e.live->load() >> 32
                                                      : 0;
    result.hits.push_back({key, value, e.created_at});
  }
  std::sort(result.hits.begin(), result.hits.end(), [](auto& a, auto& b) {
    return std::tie(b.sort_value, b.created_at, a.key)
           < std::tie(a.sort_value, a.created_at, b.key);
  });
  result.total = result.hits.size();
  auto begin = std::min<uint64_t>(q.offset, result.total);
  auto end = std::min<uint64_t>(begin + q.limit, result.total);
  result.hits = {result.hits.begin() + ptrdiff_t(begin), result.hits.begin() + ptrdiff_t(end)};
  return result;
}

std::vector<std::string> keys(const registry_index& index, const search_query& q) {
  std::vector<std::string> result;
  for (auto& hit : index.search(q).hits)
    result.push_back(hit.key);
  return result;
}

search_query named(std::string q) {
  search_query query;
  query.q = std::move(q);
  return query;
}

struct generator {
  std::mt19937_64 random;
  std::deque<live_counts> counts;

  uint64_t below(uint64_t n) { return random() % n; }

  std::string pick(std::initializer_list<const char*> words) {
    return words.begin()[below(words.size())];
  }

  entry next() {
    entry e;
    for (auto n = 1 + below(4); n > 0; --n)
      e.name += pick({"Llama", "mistral", "-7b", "%", "_", "QUANT", "é", "x", "", "Gemma.gguf"});
    e.category = pick({"models", "datasets", "tools", ""});
    e.publisher = "org" + std::to_string(below(20));
    e.tags = pick({"llm,fp16", "fp16", "vision,Small", "", "a,b,c"});
    e.created_at = unix_seconds(1000 + below(50));
    e.completions = below(5);
    if (below(2) == 0) {
      counts.emplace_back(below(4) << 32 | below(9));
      e.live = &counts.back();
    }
    return e;
  }

  search_query query() {
    search_query q;
    if (below(3) != 0)
      q.q = pick(
          {"l", "llama", "LAMA-7", "%", "_", "é", "a", "mistral-7bquant", "%_", "é%", "\xa9"});
    if (below(4) == 0)
      q.category = pick({"models", "datasets", "nothing", "Models"});
    if (below(4) == 0)
      q.publisher = "org" + std::to_string(below(25));
    if (below(4) == 0)
      q.tags = pick({"fp16", "FP", ",", "small", "b,c"});
    q.sort = search_sort(below(3));
    q.limit = uint32_t(below(101));
    q.offset = below(3) == 0 ? below(400) : 0;
    for (auto gone = below(2) * 200; gone > 0; --gone)
      q.slots.remove(below(slot_count));
    return q;
  }
};

std::string key_of(uint64_t number) {
  std::string key(32, '\0');
  auto hash = number * 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < 8; ++i)
    key[i] = char(hash >> (8 * i));
  return key;
}

} // namespace

CAF_TEST(substrings match whatever their case and wildcards are plain) {
  registry_index index;
  index.upsert("1", {"Llama Weights v4", "models", "meta", "llm,fp16", 10, 0, nullptr});
  index.upsert("2", {"100% LLAMA_tokenizer", "tools", "meta", "text", 20, 0, nullptr});
  using list = std::vector<std::string>;
  CAF_CHECK_EQUAL(keys(index, named("llama")), (list{"2", "1"}));
  CAF_CHECK_EQUAL(keys(index, named("%")), (list{"2"}));
  CAF_CHECK_EQUAL(keys(index, named("a_t")), (list{"2"}));
  CAF_CHECK_EQUAL(keys(index, named("l%a")), list{});
  CAF_CHECK_EQUAL(keys(index, named("v4")), (list{"1"}));
  CAF_CHECK_EQUAL(keys(index, named("4")), (list{"1"}));
  CAF_CHECK_EQUAL(keys(index, named("v4 ")), list{});
  CAF_CHECK_EQUAL(keys(index, named("")).size(), 2u);
  search_query q;
  q.tags = "m,F";
  CAF_CHECK_EQUAL(keys(index, q), (list{"1"}));
  q = {};
  q.category = "Tools";
  CAF_CHECK_EQUAL(keys(index, q), list{});
}

CAF_TEST(a match does not run over the border of two names) {
  registry_index index;
  index.upsert("1", {"abc", "", "", "", 1, 0, nullptr});
  index.upsert("2", {"def", "", "", "", 2, 0, nullptr});
  CAF_CHECK_EQUAL(index.search(named("cd")).total, 0u);
  CAF_CHECK_EQUAL(index.search(named("bcd")).total, 0u);
  CAF_CHECK_EQUAL(index.search(named(std::string(1, '\0'))).total, 0u);
}

CAF_TEST(live counts are read when the search runs) {
  registry_index index;
  live_counts a{1};
  live_counts b{uint64_t{2} << 32};
  index.upsert("a", {"x", "", "", "", 1, 0, &a});
  index.upsert("b", {"x", "", "", "", 1, 0, &b});
  index.upsert("c", {"x", "", "", "", 9, 0, nullptr});
  search_query q;
  q.sort = search_sort::seeders;
  CAF_CHECK_EQUAL(keys(index, q), (std::vector<std::string>{"b", "c", "a"}));
  a = uint64_t{3} << 32;
  CAF_CHECK_EQUAL(keys(index, q), (std::vector<std::string>{"a", "b", "c"}));
}

CAF_TEST(the index agrees with a filter and a sort over everything) {
  auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  generator g{std::mt19937_64(seed), {}};
  registry_index index;
  std::map<std::string, entry> all;
  for (int i = 0; i < 30'000; ++i) {
    auto key = key_of(g.below(3000));
    if (g.below(4) == 0) {
      CAF_REQUIRE_EQUAL(index.erase(key), all.erase(key) == 1);
    } else {
      auto e = g.next();
      if (all.contains(key) && g.below(2) == 0) // Often only the numbers change.
        e.name = all[key].name, e.tags = all[key].tags;
      all[key] = e;
      index.upsert(key, e.view());
    }
    if (i % 60 != 0)
      continue;
    auto q = g.query();
    auto expected = naive(all, q);
    auto found = index.search(q);
    CAF_REQUIRE_EQUAL(found.total, expected.total);
    CAF_REQUIRE(found.hits == expected.hits);
    CAF_REQUIRE_EQUAL(index.size(), all.size());
  }
}

CAF_TEST(several indexes merged answer like one) {
  auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  generator g{std::mt19937_64(seed), {}};
  registry_index shards[4];
  std::map<std::string, entry> all;
  for (uint64_t i = 0; i < 2000; ++i) {
    auto e = g.next();
    all[key_of(i)] = e;
    shards[i % 4].upsert(key_of(i), e.view());
  }
  for (int i = 0; i < 200; ++i) {
    auto q = g.query();
    auto expected = naive(all, q);
    auto offset = q.offset;
    auto limit = q.limit;
    q.limit = uint32_t(offset + limit);
    q.offset = 0;
    std::vector<search_result> parts;
    for (auto& shard : shards)
      parts.push_back(shard.search(q));
    auto found = merge(std::move(parts), offset, limit);
    CAF_REQUIRE_EQUAL(found.total, expected.total);
    CAF_REQUIRE(found.hits == expected.hits);
  }
}

CAF_TEST(what is replaced again and again does not pile up) {
  registry_index index;
  for (int i = 0; i < 200'000; ++i)
    index.upsert(key_of(uint64_t(i % 100)),
                 {"name" + std::to_string(i), "c", "p" + std::to_string(i), "t", i, 0, nullptr});
  CAF_CHECK_EQUAL(index.size(), 100u);
  CAF_CHECK(index.memory_bytes() < 400'000);
  CAF_CHECK_EQUAL(index.search({}).total, 100u);
}
