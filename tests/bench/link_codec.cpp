// SPDX-License-Identifier: Apache-2.0
// What it costs to write and read a batch of announces, and of answers, as nodes send them.
#include "protocol/link_announce.hpp"

#include <benchmark/benchmark.h>
#include <random>

using namespace shoal;

namespace {

constexpr uint32_t batch = 64;

std::vector<link_announce> make_announces(bool v6, std::string_view user) {
  std::mt19937_64 random{1};
  std::vector<link_announce> all(batch);
  for (auto& x : all) {
    for (auto& byte : x.swarm.bytes)
      byte = static_cast<uint8_t>(random());
    for (auto& byte : x.id.bytes)
      byte = static_cast<uint8_t>(random());
    auto byte = [&] { return static_cast<uint8_t>(random()); };
    x.peer.address = v6 ? ip_address::v6({0x20, 1, byte(), byte(), byte(), byte(), 7, 8})
                        : ip_address::v4({byte(), byte(), byte(), byte()});
    x.peer.port = static_cast<uint16_t>(random());
    x.identity = random();
    x.left_bytes = random() % 2 == 0 ? 0 : random() % 100'000'000'000;
    x.numwant = 50;
    x.own_family_only = true;
    x.user = user;
    x.uploaded_bytes = random() % 100'000'000'000;
    x.downloaded_bytes = random() % 100'000'000'000;
  }
  return all;
}

void count(benchmark::State& state, size_t bytes) {
  auto items = state.iterations() * batch;
  state.SetItemsProcessed(items);
  state.counters["ns/item"] = benchmark::Counter(
      static_cast<double>(items) * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/item"] = static_cast<double>(bytes) / batch;
}

void write_announces(benchmark::State& state, bool v6, const char* user) {
  auto all = make_announces(v6, user);
  std::string body;
  for (auto _ : state) {
    link_announce_writer out{body, 1, false};
    for (auto& x : all)
      out.add(x);
    benchmark::DoNotOptimize(body.data());
  }
  count(state, body.size());
}

void read_announces(benchmark::State& state, bool v6, const char* user) {
  std::string body;
  link_announce_writer out{body, 1, false};
  for (auto& x : make_announces(v6, user))
    out.add(x);
  for (auto _ : state) {
    link_announce_reader in{body};
    link_announce x;
    while (in.next(x))
      benchmark::DoNotOptimize(x);
  }
  count(state, body.size());
}

void write_answers(benchmark::State& state, size_t peers) {
  std::string text(peers * 6, 'p');
  std::string body;
  for (auto _ : state) {
    body.clear();
    for (uint32_t i = 0; i < batch; ++i)
      append_link_answer(body, {i, link_verdict::answered, 1800, 30, 300, 3000, text, {}, {}});
    benchmark::DoNotOptimize(body.data());
  }
  count(state, body.size());
}

void read_answers(benchmark::State& state, size_t peers) {
  std::string text(peers * 6, 'p');
  std::string body;
  for (uint32_t i = 0; i < batch; ++i)
    append_link_answer(body, {i, link_verdict::answered, 1800, 30, 300, 3000, text, {}, {}});
  for (auto _ : state) {
    link_answer_reader in{body};
    link_answer x;
    while (in.next(x))
      benchmark::DoNotOptimize(x);
  }
  count(state, body.size());
}

} // namespace

BENCHMARK_CAPTURE(write_announces, v4, false, "");
BENCHMARK_CAPTURE(read_announces, v4, false, "");
BENCHMARK_CAPTURE(write_announces, v6_user, true, "somebody");
BENCHMARK_CAPTURE(read_announces, v6_user, true, "somebody");
BENCHMARK_CAPTURE(write_answers, 50_peers, 50);
BENCHMARK_CAPTURE(read_answers, 50_peers, 50);

BENCHMARK_MAIN();
