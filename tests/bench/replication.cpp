// SPDX-License-Identifier: Apache-2.0
// What a standby costs the owner's announces, and what the standby does for a fact.
#include "actors/replica_table.hpp"
#include "actors/swarm_replication.hpp"

#include <benchmark/benchmark.h>

using namespace shoal;

namespace {

constexpr uint32_t peers = 100;
constexpr coarse_seconds now = 1000;

announce_input input(uint32_t number) {
  announce_input in;
  in.identity = mix_bits(number + 1);
  in.peer = {ip_address::v4({9, uint8_t(number >> 16), uint8_t(number >> 8), uint8_t(number)}), 1};
  in.left_bytes = number % 4;
  in.numwant = 50;
  return in;
}

/// A swarm of a hundred peers and its slot's log.
struct swarm_with_log {
  explicit swarm_with_log(bool followed) {
    config.private_network = true;
    config.secret = {1, 2};
    for (uint32_t i = 0; i < peers; ++i)
      announce(input(i));
    log.own(1);
    if (followed)
      log.start_sync();
    settle();
  }

  void announce(const announce_input& in) {
    out.clear();
    std::vector<peer_change> changes;
    auto wanted = log.wanted();
    auto outcome = set.announce(in, now, ++draws, out, wanted ? &changes : nullptr);
    if (wanted)
      replicate_announce(log, hash, set, in.identity, outcome, changes, 0);
  }

  /// All that is unsaid is acknowledged.
  void settle() {
    auto at = mono_now();
    while (auto frame = log.take(at)) {
      auto batch = decode_delta_batch(*frame);
      log.acknowledge({0, delta_ack::verdict::applied, 1, batch->number}, at);
    }
  }

  peer_table_config config;
  info_hash hash;
  peer_set set{config};
  cluster::replication_log log{0};
  handout out;
  uint64_t draws = 0;
};

void refresh(benchmark::State& state, bool followed) {
  swarm_with_log x{followed};
  uint32_t i = 0;
  for (auto _ : state)
    x.announce(input(i++ % peers));
}

/// Half of these announces are joins, the others leave again: each is a fact.
void come_and_go(benchmark::State& state, bool followed) {
  swarm_with_log x{followed};
  uint32_t i = 0;
  for (auto _ : state) {
    auto in = input(peers + i / 2);
    in.event = i % 2 == 0 ? announce_event::started : announce_event::stopped;
    x.announce(in);
    if (++i % 64 == 0)
      x.settle();
  }
}

void apply_facts(benchmark::State& state) {
  peer_table_config config;
  config.private_network = true;
  replica_table table{config, [] { return now; }};
  std::string body;
  append_fact(body, delta_swarm{});
  for (uint32_t i = 0; i < peers; ++i) {
    auto in = input(i);
    append_peer_fact(body, {in.identity, uint8_t(i % 2), false, in.peer, {}, {}});
  }
  cluster::replica_stream stream{0, table};
  uint64_t number = 0;
  for (auto _ : state)
    stream.take({0, number == 0, 1, ++number, body});
  state.counters["ns/fact"]
      = benchmark::Counter(static_cast<double>(state.iterations()) * peers * 1e-9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void write_piece(benchmark::State& state) {
  swarm_with_log x{true};
  for (auto _ : state) {
    replicate_piece(x.log, x.hash, x.set, 0, 0);
    x.settle();
  }
  state.counters["ns/peer"]
      = benchmark::Counter(static_cast<double>(state.iterations()) * peers * 1e-9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

} // namespace

BENCHMARK_CAPTURE(refresh, alone, false);
BENCHMARK_CAPTURE(refresh, followed, true);
BENCHMARK_CAPTURE(come_and_go, alone, false);
BENCHMARK_CAPTURE(come_and_go, followed, true);
BENCHMARK(apply_facts);
BENCHMARK(write_piece);

BENCHMARK_MAIN();
