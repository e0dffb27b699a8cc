// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

/// Counters, gauges and histograms in Prometheus' text exposition format. Counting touches only a
/// cell of the calling thread, so no cache line is shared between threads on a hot path.
namespace shoal::metrics {

/// @returns a small number that is the calling thread's own while it lives.
size_t thread_slot();

class counter {
public:
  void add(uint64_t n = 1) {
    cells_[thread_slot() % cells_.size()].value.fetch_add(n, std::memory_order_relaxed);
  }

  uint64_t value() const;

private:
  struct alignas(64) cell {
    std::atomic<uint64_t> value{0};
  };
  std::array<cell, 16> cells_;
};

/// @returns the text as the value of a label, quotes included.
std::string quoted(std::string_view text);

/// A number that goes up and down, set from wherever it is known.
class gauge {
public:
  void set(int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(int64_t v) { value_.fetch_add(v, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<int64_t> value_{0};
};

/// Durations in seconds, in buckets of powers of four from 16 microseconds to 17 seconds.
class histogram {
public:
  static constexpr size_t bucket_count = 11;

  void observe_us(uint64_t microseconds);

  /// Upper bound of a bucket in microseconds.
  static constexpr uint64_t bound_us(size_t bucket) { return uint64_t{16} << (2 * bucket); }

  void render(std::string& out, std::string_view name, std::string_view labels) const;

private:
  struct alignas(64) cell {
    std::array<std::atomic<uint64_t>, bucket_count + 1> buckets{};
    std::atomic<uint64_t> sum_us{0};
  };
  std::array<cell, 8> cells_;
};

/// Owns the instruments of one process. Instruments keep their address for ever.
class registry {
public:
  /// @param labels the inside of the braces, e.g. `reason="blocked"`, or empty.
  counter& add_counter(std::string_view name, std::string_view help, std::string_view labels = {});
  gauge& add_gauge(std::string_view name, std::string_view help, std::string_view labels = {});
  histogram& add_histogram(std::string_view name, std::string_view help,
                           std::string_view labels = {});

  /// Adds a gauge (or counter, if `kind` says so) that is read when somebody scrapes. `read` must
  /// be safe to call from any thread.
  void add_reader(std::string_view name, std::string_view help, std::string_view labels,
                  std::function<double()> read, std::string_view kind = "gauge");

  /// Takes one series: labels as above, and its value.
  using sink = std::function<void(std::string_view labels, double value)>;

  /// Adds a family whose series come and go: `collect` names those that there are when somebody
  /// scrapes. It must be safe to call from any thread, and must not use the registry.
  void add_collector(std::string_view name, std::string_view help, std::string_view kind,
                     std::function<void(const sink&)> collect);

  /// Appends everything in exposition format 0.0.4, families sorted by name.
  void render(std::string& out) const;

private:
  struct series {
    std::string labels;
    std::function<void(std::string&, std::string_view, std::string_view)> render;
  };
  struct family {
    std::string name;
    std::string help;
    std::string kind;
    std::vector<series> all;
  };

  void add(std::string_view name, std::string_view help, std::string_view kind, series s);

  mutable std::mutex mutex_;
  std::vector<family> families_; // Sorted by name.
  std::deque<counter> counters_;
  std::deque<gauge> gauges_;
  std::deque<histogram> histograms_;
};

} // namespace shoal::metrics
