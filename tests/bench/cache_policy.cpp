// SPDX-License-Identifier: Apache-2.0
// Which cached objects should go: S3-FIFO against FIFO, LRU and W-TinyLFU on made-up downloads of
// models. bench_cache_policy [SEED] prints docs/adr/0023's table.
#include "tests/bench/cache_rivals.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

using namespace shoal;
using namespace shoal::bench;

namespace {

constexpr size_t popular_repositories = 2000;
constexpr size_t downloads = 60'000;

struct request {
  uint64_t object;
  uint64_t bytes;
};

using trace = std::vector<request>;

/// What a trace is made of.
struct plan {
  const char* name;
  double skew;           ///< Of the Zipf law over repositories.
  double once;           ///< Share of downloads of repositories that nobody wants again.
  double whole;          ///< Share of the others that take all files; else one or two of them.
  unsigned clients;      ///< A download is made by so many at about the same time.
  size_t release_period; ///< Every so many downloads a new repository takes over a top rank; 0: no.
};

class trace_maker {
public:
  trace_maker(const plan& p, unsigned seed) : plan_(p), random_(seed) {
    double sum = 0;
    for (size_t i = 0; i < popular_repositories; ++i) {
      ranks_.push_back(new_repository());
      weights_.push_back(sum += 1 / std::pow(double(i + 1), p.skew));
    }
    std::shuffle(ranks_.begin(), ranks_.end(), random_);
  }

  trace make() {
    for (size_t i = 0; i < downloads / plan_.clients; ++i) {
      if (plan_.release_period != 0 && i % plan_.release_period == 0)
        release();
      if (chance(plan_.once))
        download(new_repository());
      else
        download(ranks_[rank()]);
    }
    return std::move(trace_);
  }

  /// Bytes of all that was popular at first: what a cache of 100 % would hold.
  uint64_t footprint_bytes() const { return footprint_bytes_; }

private:
  using repository = std::vector<request>;

  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }

  size_t rank() {
    auto x = std::uniform_real_distribution<>(0, weights_.back())(random_);
    return static_cast<size_t>(std::lower_bound(weights_.begin(), weights_.end(), x)
                               - weights_.begin());
  }

  /// Some small files, a tokenizer, and weights of 100 MB to 500 GB in shards of at most 5 GB.
  repository new_repository() {
    repository files;
    std::uniform_int_distribution<uint64_t> small(500, 100'000);
    for (auto n = 3 + random_() % 6; n > 0; --n)
      files.push_back({next_object_++, small(random_)});
    files.push_back({next_object_++, 500'000 + random_() % 10'000'000});
    std::lognormal_distribution<double> weights(std::log(4e9), 1.3);
    auto left = static_cast<uint64_t>(std::clamp(weights(random_), 1e8, 5e11));
    for (; left > 0; left -= std::min<uint64_t>(left, 5'000'000'000))
      files.push_back({next_object_++, std::min<uint64_t>(left, 5'000'000'000)});
    if (trace_.empty())
      for (auto& f : files)
        footprint_bytes_ += f.bytes;
    return files;
  }

  void release() {
    auto at = random_() % 20;
    ranks_.insert(ranks_.begin() + static_cast<std::ptrdiff_t>(at), new_repository());
    ranks_.pop_back();
  }

  /// Several clients at once are one behind the other by a few files.
  void download(const repository& repo) {
    repository files = repo;
    if (!chance(plan_.whole) && plan_.clients == 1) {
      std::shuffle(files.begin(), files.end(), random_);
      files.resize(1 + random_() % 2);
    }
    for (size_t step = 0; step < files.size() + 2 * (plan_.clients - 1); ++step)
      for (size_t c = 0; c < plan_.clients; ++c)
        if (step >= 2 * c && step - 2 * c < files.size())
          trace_.push_back(files[step - 2 * c]);
  }

  plan plan_;
  std::mt19937_64 random_;
  std::vector<repository> ranks_;
  std::vector<double> weights_;
  uint64_t next_object_ = 1;
  uint64_t footprint_bytes_ = 0;
  trace trace_;
};

struct score {
  double objects = 0;
  double bytes = 0;
};

/// The first fifth only warms the cache.
score run(cache& c, const trace& t) {
  double asked = 0, hit = 0, asked_bytes = 0, hit_bytes = 0;
  for (size_t i = 0; i < t.size(); ++i) {
    auto was_there = c.ask(t[i].object, t[i].bytes);
    if (i < t.size() / 5)
      continue;
    asked += 1;
    asked_bytes += double(t[i].bytes);
    hit += was_there ? 1 : 0;
    hit_bytes += was_there ? double(t[i].bytes) : 0;
  }
  return {100 * hit / asked, 100 * hit_bytes / asked_bytes};
}

void print(const plan& p, unsigned seed) {
  trace_maker maker(p, seed);
  auto t = maker.make();
  for (unsigned percent : {2u, 10u, 30u}) {
    auto bound = maker.footprint_bytes() / 100 * percent;
    std::unique_ptr<cache> caches[]
        = {std::make_unique<queue_cache>(bound, false), std::make_unique<queue_cache>(bound, true),
           std::make_unique<w_tiny_lfu>(bound, false),  std::make_unique<w_tiny_lfu>(bound, true),
           std::make_unique<s3_fifo>(bound, 2),         std::make_unique<s3_fifo>(bound, 1)};
    std::printf("| %s | %u %% |", p.name, percent);
    for (auto& c : caches) {
      auto s = run(*c, t);
      std::printf(" %.1f / %.1f |", s.bytes, s.objects);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

} // namespace

int main(int argc, char** argv) {
  auto seed = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 1u;
  std::printf("| downloads | cache | FIFO | LRU | W-TinyLFU | W-TinyLFU, all victims | S3-FIFO, 2 "
              "hits | S3-FIFO, 1 hit |\n"
              "|---|---|---|---|---|---|---|---|\n");
  for (auto& p : std::vector<plan>{{"Zipf 0.8, single files", 0.8, 0, 0, 1, 0},
                                   {"Zipf 0.8, whole repositories", 0.8, 0, 1, 1, 0},
                                   {"the same, 20 % once", 0.8, 0.2, 1, 1, 0},
                                   {"the same, 50 % once", 0.8, 0.5, 1, 1, 0},
                                   {"Zipf 1.1, half of them whole, 30 % once", 1.1, 0.3, 0.5, 1, 0},
                                   {"the same, releases", 1.1, 0.3, 0.5, 1, 200},
                                   {"fleets of 6, 50 % once", 0.8, 0.5, 1, 6, 0}})
    print(p, seed);
  return 0;
}
