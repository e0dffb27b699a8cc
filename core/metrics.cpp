// SPDX-License-Identifier: Apache-2.0
#include "core/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace shoal::metrics {

namespace {

void render_sample(std::string& out, std::string_view name, std::string_view labels, double value) {
  if (labels.empty())
    fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
  else
    fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, labels, value);
}

} // namespace

size_t thread_slot() {
  static std::atomic<size_t> next{0};
  thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

std::string quoted(std::string_view text) {
  std::string out{'"'};
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + '"';
}

uint64_t counter::value() const {
  uint64_t total = 0;
  for (auto& mine : cells_)
    total += mine.value.load(std::memory_order_relaxed);
  return total;
}

void histogram::observe_us(uint64_t microseconds) {
  size_t bucket = 0;
  while (bucket < bucket_count && microseconds > bound_us(bucket))
    ++bucket;
  auto& mine = cells_[thread_slot() % cells_.size()];
  mine.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  mine.sum_us.fetch_add(microseconds, std::memory_order_relaxed);
}

void histogram::render(std::string& out, std::string_view name, std::string_view labels) const {
  auto prefix = labels.empty() ? std::string{} : std::string{labels} + ",";
  auto bucket_name = std::string{name} + "_bucket";
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket <= bucket_count; ++bucket) {
    for (auto& mine : cells_)
      seen += mine.buckets[bucket].load(std::memory_order_relaxed);
    auto bound = bucket == bucket_count ? std::string{"+Inf"}
                                        : fmt::format("{}", double(bound_us(bucket)) / 1e6);
    render_sample(out, bucket_name, fmt::format("{}le=\"{}\"", prefix, bound), double(seen));
  }
  uint64_t sum = 0;
  for (auto& mine : cells_)
    sum += mine.sum_us.load(std::memory_order_relaxed);
  render_sample(out, std::string{name} + "_sum", labels, double(sum) / 1e6);
  render_sample(out, std::string{name} + "_count", labels, double(seen));
}

counter& registry::add_counter(std::string_view name, std::string_view help,
                               std::string_view labels) {
  std::lock_guard guard{mutex_};
  auto& made = counters_.emplace_back();
  add(name, help, "counter", {std::string{labels}, [&made](auto& out, auto n, auto l) {
                                render_sample(out, n, l, double(made.value()));
                              }});
  return made;
}

gauge& registry::add_gauge(std::string_view name, std::string_view help, std::string_view labels) {
  std::lock_guard guard{mutex_};
  auto& made = gauges_.emplace_back();
  add(name, help, "gauge", {std::string{labels}, [&made](auto& out, auto n, auto l) {
                              render_sample(out, n, l, double(made.value()));
                            }});
  return made;
}

histogram& registry::add_histogram(std::string_view name, std::string_view help,
                                   std::string_view labels) {
  std::lock_guard guard{mutex_};
  auto& made = histograms_.emplace_back();
  add(name, help, "histogram",
      {std::string{labels}, [&made](auto& out, auto n, auto l) { made.render(out, n, l); }});
  return made;
}

void registry::add_reader(std::string_view name, std::string_view help, std::string_view labels,
                          std::function<double()> read, std::string_view kind) {
  std::lock_guard guard{mutex_};
  add(name, help, kind, {std::string{labels}, [read = std::move(read)](auto& out, auto n, auto l) {
                           render_sample(out, n, l, read());
                         }});
}

void registry::add_collector(std::string_view name, std::string_view help, std::string_view kind,
                             std::function<void(const sink&)> collect) {
  std::lock_guard guard{mutex_};
  add(name, help, kind, {{}, [collect = std::move(collect)](auto& out, auto n, auto) {
                           collect([&](std::string_view labels, double value) {
                             render_sample(out, n, labels, value);
                           });
                         }});
}

void registry::render(std::string& out) const {
  std::lock_guard guard{mutex_};
  for (auto& f : families_) {
    fmt::format_to(std::back_inserter(out), "# HELP {} {}\n", f.name, f.help);
    if (!f.kind.empty())
      fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", f.name, f.kind);
    for (auto& s : f.all)
      s.render(out, f.name, s.labels);
  }
}

void registry::add(std::string_view name, std::string_view help, std::string_view kind, series s) {
  auto pos = std::lower_bound(families_.begin(), families_.end(), name,
                              [](const family& f, std::string_view n) { return f.name < n; });
  if (pos == families_.end() || pos->name != name)
    pos = families_.insert(pos,
                           family{std::string{name}, std::string{help}, std::string{kind}, {}});
  pos->all.push_back(std::move(s));
}

} // namespace shoal::metrics
