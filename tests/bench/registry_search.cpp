// SPDX-License-Identifier: Apache-2.0
// Fills a registry index with generated entries and prints what searches cost.
//     bench_registry_search [ENTRIES] [RUNS]
#include "actors/registry_index.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>

using namespace shoal;

namespace {

/// Milliseconds of this thread's processor time: a search does nothing but compute, and others on
/// the machine shall not count.
double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) * 1e3 + double(t.tv_nsec) / 1e6;
}

/// Names as model hubs have them: "org/Family-7B-Instruct-v0.3-GGUF-Q4_K_M", 20 to 60 characters.
class generator {
public:
  explicit generator(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t n) { return random_() % n; }

  std::string pick(std::initializer_list<const char*> words) {
    return words.begin()[below(words.size())];
  }

  std::string syllables(uint64_t count) {
    std::string word;
    for (; count > 0; --count)
      word += pick({"ka", "lo", "mi", "ran", "tes", "vor", "qui", "bel", "zan", "dro", "fy", "hu"});
    return word;
  }

  std::string name() {
    auto result = syllables(2 + below(2)) + "/";
    result += pick({"Llama-3", "Mistral", "Qwen2.5", "gemma-2", "Phi-3", "bert", "whisper", "flux",
                    "stable-diffusion-xl", "deepseek"});
    result
        += "-" + syllables(2 + below(3)) + "-" + pick({"7B", "8B", "13B", "70B", "1.5B", "base"});
    result += pick({"", "-Instruct", "-chat", "-LoRA", "-v0.3"});
    result += pick({"", "-GGUF", "-AWQ", "-GPTQ"}) + pick({"", "-Q4_K_M", "-Q8_0", "-fp16"});
    return result;
  }

private:
  std::mt19937_64 random_;
};

std::string key_of(uint64_t number) {
  std::string key(32, '\0');
  for (size_t i = 0; i < 4; ++i) {
    auto part = mix_bits(number * 4 + i + 1);
    std::copy_n(reinterpret_cast<const char*>(&part), 8, key.begin() + ptrdiff_t(8 * i));
  }
  return key;
}

void fill(registry_index& index, std::vector<std::unique_ptr<live_counts>>& live, uint64_t count) {
  generator g(1);
  for (uint64_t i = 0; i < count; ++i) {
    // Every second entry has a swarm, each on a cache line that nobody can foresee.
    if (g.below(2) == 0)
      live.push_back(std::make_unique<live_counts>(g.below(g.below(50) + 1) << 32));
    auto name = g.name();
    auto category = g.pick({"models", "models", "models", "datasets", "tools"});
    auto publisher = name.substr(0, name.find('/'));
    auto tags = g.pick({"llm", "llm,fp16", "vision", "llm,gguf,q4", "audio,speech", ""});
    index.upsert(key_of(i),
                 {name, category, publisher, tags, unix_seconds(1'700'000'000 + i / 2),
                  g.below(g.below(10'000) + 1),
                  i % 2 == 0 || live.empty() ? nullptr : live[g.below(live.size())].get()});
  }
}

/// Asks for so many other things that the next answer has to be found anew.
void forget_answers(const registry_index& index) {
  for (size_t i = 0; i < text_column::answers_max; ++i) {
    search_query query;
    query.q = query.tags = "#~" + std::to_string(i);
    index.search(query);
    query.q.clear();
    index.search(query);
  }
}

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
  std::printf("%-30s %9llu hits   p50 %7.3f ms   p99 %7.3f ms\n", label, (unsigned long long)total,
              times[times.size() / 2], times[times.size() * 99 / 100]);
}

} // namespace

int main(int argc, char** argv) {
  auto entries = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  auto runs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  registry_index index;
  std::vector<std::unique_ptr<live_counts>> live;
  auto begin = cpu_ms();
  fill(index, live, entries);
  std::printf("%llu entries in %.0f ms, %.1f MB\n", (unsigned long long)entries, cpu_ms() - begin,
              double(index.memory_bytes()) / 1e6);
  std::vector<double> all;
  for (auto& [label, query] : queries()) {
    std::vector<double> first;
    std::vector<double> again;
    uint64_t total = 0;
    for (uint64_t i = 0; i < runs; ++i) {
      forget_answers(index);
      for (auto times : {&first, &again}) {
        begin = cpu_ms();
        total = index.search(query).total;
        times->push_back(cpu_ms() - begin);
      }
    }
    all.insert(all.end(), first.begin(), first.end());
    print(label, total, std::move(first));
    print("    asked again", total, std::move(again));
  }
  print("all of them for the first time", 0, std::move(all));
  // Searches that nobody has asked before: a random piece of a random name.
  generator g(2);
  std::vector<double> times;
  for (uint64_t i = 0; i < runs * 10; ++i) {
    auto name = g.name();
    auto size = 2 + g.below(8);
    auto query = make(name.substr(g.below(name.size() - size), size), search_sort(g.below(3)));
    begin = cpu_ms();
    index.search(query);
    times.push_back(cpu_ms() - begin);
  }
  print("random pieces of 2 to 9", 0, std::move(times));
}
