// SPDX-License-Identifier: Apache-2.0
// Fills registry indexes with generated entries and prints what searches cost: in one index of all
// entries, and in 16 that share them and are asked one after the other or by two threads, as a node
// does it.
//     bench_registry_search [ENTRIES] [RUNS]
#include "actors/registry_index.hpp"
#include "tests/bench/registry_names.hpp"

#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

using namespace shoal;

namespace {

constexpr size_t shard_count = 16;

double now_ms(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return double(t.tv_sec) * 1e3 + double(t.tv_nsec) / 1e6;
}

/// Of this thread's processor: others on the machine shall not count.
double cpu_ms() {
  return now_ms(CLOCK_THREAD_CPUTIME_ID);
}

/// An index with its live counts, which lie in the order of the rows as a registry shard's do.
struct part {
  explicit part(uint64_t entries) : live(entries) {}

  void add(name_generator& g, uint64_t number) {
    auto row = index.size();
    // Half of all entries have nobody, and few have many.
    live[row] = g.below(2) == 0 ? 0 : g.below(g.below(50) + 1) << 32;
    auto name = g.name();
    auto category = g.category();
    auto tags = g.tags();
    auto created_at = unix_seconds(1'700'000'000 + mix_bits(number) % 20'000'000);
    index.upsert(key_of(number), {name, category, name.substr(0, name.find('/')), tags, created_at,
                                  g.below(g.below(10'000) + 1), &live[row]});
  }

  registry_index index;
  std::vector<live_counts> live;
};

/// All entries, shared among some indexes.
class registry {
public:
  registry(uint64_t entries, size_t count) {
    name_generator g(1);
    for (size_t i = 0; i < count; ++i)
      parts_.push_back(std::make_unique<part>(entries / count + 1));
    for (uint64_t i = 0; i < entries; ++i)
      parts_[i % count]->add(g, i);
  }

  search_result search(const search_query& query) const {
    if (parts_.size() == 1)
      return parts_[0]->index.search(query);
    auto asked = whole(query);
    std::vector<search_result> found;
    for (auto& p : parts_)
      found.push_back(p->index.search(asked));
    return merge(std::move(found), query.offset, query.limit);
  }

  /// One of `helpers` threads' share of a search.
  void search_share(const search_query& query, size_t helper, size_t helpers,
                    std::vector<search_result>& found) const {
    auto asked = whole(query);
    for (auto i = helper; i < parts_.size(); i += helpers)
      found[i] = parts_[i]->index.search(asked);
  }

  size_t memory_bytes() const {
    size_t sum = 0;
    for (auto& p : parts_)
      sum += p->index.memory_bytes();
    return sum;
  }

private:
  static search_query whole(search_query query) {
    query.limit += uint32_t(query.offset);
    query.offset = 0;
    return query;
  }

  std::vector<std::unique_ptr<part>> parts_;
};

/// Two threads that wait for a query and answer it together.
class pair_of_threads {
public:
  explicit pair_of_threads(const registry& all) : all_{all}, helper_{[this] { help(); }} {}

  ~pair_of_threads() {
    query_ = nullptr;
    start_.arrive_and_wait();
    helper_.join();
  }

  search_result search(const search_query& query) {
    found_.assign(shard_count, {});
    query_ = &query;
    start_.arrive_and_wait();
    all_.search_share(query, 0, 2, found_);
    end_.arrive_and_wait();
    return merge(std::move(found_), query.offset, query.limit);
  }

private:
  void help() {
    for (;;) {
      start_.arrive_and_wait();
      if (!query_)
        return;
      all_.search_share(*query_, 1, 2, found_);
      end_.arrive_and_wait();
    }
  }

  const registry& all_;
  const search_query* query_ = nullptr;
  std::vector<search_result> found_;
  std::barrier<> start_{2};
  std::barrier<> end_{2};
  std::thread helper_;
};

struct named_query {
  const char* label;
  search_query query;
};

search_query make(std::string q, search_sort sort, std::string category = {}, std::string tags = {},
                  uint64_t offset = 0) {
  search_query query;
  query.q = std::move(q);
  query.sort = sort;
  query.category = std::move(category);
  query.tags = std::move(tags);
  query.offset = offset;
  return query;
}

std::vector<named_query> queries() {
  using enum search_sort;
  return {{"(everything)", make("", created_at)},
          {"(everything) by seeders", make("", seeders)},
          {"(everything) by completions", make("", completions)},
          {"a", make("a", created_at)},
          {"a by seeders", make("a", seeders)},
          {"ma", make("ma", created_at)},
          {"llama", make("llama", created_at)},
          {"llama by seeders", make("llama", seeders)},
          {"llama-3 models completions", make("llama-3", completions, "models")},
          {"gguf", make("GGUF", created_at)},
          {"tags fp16", make("", created_at, "", "fp16")},
          {"llama tags fp16", make("llama", seeders, "", "fp16")},
          {"karan", make("karan", created_at)},
          {"qwen2.5-karan", make("qwen2.5-karan", completions)},
          {"quizandro", make("quizandro", seeders)},
          {"no such thing", make("no such thing", created_at)},
          {"mistral offset 5000", make("mistral", created_at, "", "", 5000)}};
}

void print(const char* label, uint64_t total, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("  %-30s %9llu hits   p50 %7.3f ms   p99 %7.3f ms\n", label,
              (unsigned long long)total, times[times.size() / 2], times[times.size() * 99 / 100]);
}

using search_function = std::function<search_result(const search_query&)>;

/// Asks for so many other things that the next answer has to be found anew.
void forget_answers(const search_function& search, name_generator& g) {
  for (size_t i = 0; i < text_column::answers_max + 4; ++i) {
    auto name = g.name();
    search(make(name.substr(name.size() / 2 - 4, 9), search_sort::created_at));
  }
  for (auto tags : {"llm", "fp1", "vis", "isi", "sio", "ion", "ggu", "guf", "aud", "udi", "dio",
                    "spe", "pee", "eec", "ech", "gguf", "visi", "isio"})
    search(make("", search_sort::created_at, "", tags));
}

void measure(const char* title, const search_function& search, clockid_t clock, uint64_t runs) {
  std::printf("%s\n", title);
  name_generator g(2);
  auto timed = [&](const search_query& query, std::vector<double>& times) {
    auto begin = now_ms(clock);
    auto total = search(query).total;
    times.push_back(now_ms(clock) - begin);
    return total;
  };
  std::vector<double> all;
  for (auto& [label, query] : queries()) {
    std::vector<double> times;
    uint64_t total = 0;
    for (uint64_t i = 0; i < runs; ++i) {
      forget_answers(search, g);
      total = timed(query, times);
    }
    all.insert(all.end(), times.begin(), times.end());
    print(label, total, std::move(times));
  }
  print("all of these", 0, std::move(all));
  std::vector<double> pieces;
  for (uint64_t i = 0; i < runs * 20; ++i)
    timed(make(g.piece(), search_sort(g.below(3))), pieces);
  print("random pieces of 2 to 9", 0, std::move(pieces));
}

} // namespace

int main(int argc, char** argv) {
  auto entries = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  auto runs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50;
  for (auto count : {size_t{1}, shard_count}) {
    auto begin = cpu_ms();
    registry all(entries, count);
    std::printf("%llu entries in %zu indexes: filled in %.0f ms, %.1f MB\n",
                (unsigned long long)entries, count, cpu_ms() - begin,
                double(all.memory_bytes()) / 1e6);
    auto search = [&](const search_query& query) { return all.search(query); };
    measure(" processor time, one thread", search, CLOCK_THREAD_CPUTIME_ID, runs);
    if (count == 1)
      continue;
    pair_of_threads threads(all);
    auto together = [&](const search_query& query) { return threads.search(query); };
    measure(" time on the clock, two threads", together, CLOCK_MONOTONIC, runs);
  }
}
