// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

/// Virtual time and chance for the simulation: everything that happens is an event of one queue,
/// every choice comes from one seed, so a run replays exactly on every machine.
namespace shoal::sim {

using duration = std::chrono::nanoseconds;

/// @source splitmix64, Sebastiano Vigna, public domain.
class dice {
public:
  explicit dice(uint64_t seed) : state_{seed} {}

  uint64_t next() {
    auto x = state_ += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  /// @returns 0..bound - 1. @param bound 1..
  uint64_t below(uint64_t bound) { return next() % bound; }

  bool chance(uint32_t permille) { return below(1000) < permille; }

  duration between(duration low, duration high) {
    return low + duration{below(static_cast<uint64_t>((high - low).count()) + 1)};
  }

private:
  uint64_t state_;
};

class timeline {
public:
  explicit timeline(uint64_t seed) : random{seed} {}

  dice random;

  /// True time; what a node sees on its clock is another matter.
  mono_time now() const { return now_; }

  uint64_t events() const { return sequence_; }

  /// Those of the same moment happen in the order in which they were asked for.
  void at(mono_time when, std::function<void()> what) {
    queue_.push({std::max(when, now_), sequence_++, std::move(what)});
  }
  void after(duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  /// Lets the next event happen. @returns whether there was one until `end`.
  bool step(mono_time end = mono_time::max()) {
    if (queue_.empty() || queue_.top().when > end)
      return false;
    // Taken out first: it may add others.
    auto next = std::move(const_cast<event&>(queue_.top()));
    queue_.pop();
    now_ = next.when;
    next.what();
    return true;
  }

  void run_until(mono_time end) {
    while (step(end)) {
    }
    now_ = std::max(now_, end);
  }
  void run_for(duration time) { run_until(now_ + time); }

private:
  struct event {
    mono_time when;
    uint64_t sequence;
    std::function<void()> what;

    bool operator<(const event& other) const {
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };

  mono_time now_{std::chrono::hours{1}};
  uint64_t sequence_ = 0;
  std::priority_queue<event> queue_;
};

} // namespace shoal::sim
