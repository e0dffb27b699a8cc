// SPDX-License-Identifier: Apache-2.0
// Prints what peers cost in memory, the whole of it: the growth of the process after swarms have
// been spawned through their shards and every peer has announced as it does over UDP.
//     bench_swarm_memory SWARMS PEERS
#include "actors/loop_unit.hpp"
#include "actors/shard.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <cstdio>
#include <cstdlib>
#include <malloc.h>

using namespace shoal;

namespace {

uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long long all = 0;
  unsigned long long resident = 0;
  auto read = file ? std::fscanf(file, "%llu %llu", &all, &resident) : 0;
  if (file)
    std::fclose(file);
  return read == 2 ? resident * 4096 : 0;
}

edge_actor::behavior_type silent_edge(edge_actor::pointer) {
  return {[](const announce_reply&) {}, [](const scrape_reply&) {}};
}

announce_request hello(uint64_t swarm, uint64_t number) {
  announce_request req;
  auto a = mix_bits(swarm + 1);
  auto b = mix_bits(a);
  std::memcpy(req.swarm.bytes.data(), &a, 8);
  std::memcpy(req.swarm.bytes.data() + 8, &b, 8);
  auto p = mix_bits(b ^ number);
  req.peer = {
      ip_address::v4({uint8_t(11 + (p & 63)), uint8_t(p >> 8), uint8_t(p >> 16), uint8_t(p >> 24)}),
      uint16_t(1024 + (p >> 32 & 0x7fff))};
  req.identity = mix_bits(p);
  std::string_view id = "-TR3000-abcdefghijkl";
  std::copy(id.begin(), id.end(), req.id.bytes.begin());
  req.left = number % 4 == 0 ? 0 : 1;
  req.numwant = 0;
  return req;
}

/// Swarms behind their shards as in a node, and an edge that throws its answers away.
class house {
public:
  house();
  ~house();

  /// Announces `peers` peers in each of `swarms` swarms.
  void fill(uint64_t swarms, uint64_t peers);

  uint64_t peer_count() const { return static_cast<uint64_t>(directory_.peer_count()); }

private:
  static caf::actor_system_config& one_thread(caf::actor_system_config& config) {
    config.set("scheduler.max-threads", 1);
    return config;
  }

  void announce(announce_request req);

  caf::actor_system_config caf_config_;
  caf::actor_system sys_{one_thread(caf_config_)};
  swarm_directory directory_;
  swarm_config config_;
  loop_unit unit_{sys_, [] {}};
  edge_actor edge_;
};

house::house() {
  config_.directory = &directory_;
  config_.peers.clients = &config_.clients;
  config_.now = [] { return coarse_seconds{1000}; };
  bounds_config open;
  open.new_swarms_per_second = 0;
  config_.bounds.configure(open);
  unit_.bind_to_this_thread();
  edge_ = sys_.spawn<caf::hidden + caf::lazy_init>(silent_edge);
  caf::scoped_actor self{sys_};
  for (auto& slot : config_.shards) {
    slot = sys_.spawn<shard, caf::hidden + caf::lazy_init>(&config_);
    // Its own memory is not what is asked for. Whoever has answered runs where it is woken up:
    // here.
    self->request(slot, caf::infinite, atom::flush::value)
        .receive([](atom::flush) {}, [](const caf::error&) { std::abort(); });
  }
}

house::~house() {
  for (size_t slot = 0; slot < slot_count; ++slot)
    for (auto& x : directory_.swarms_in(slot))
      caf::anon_send_exit(x, caf::exit_reason::kill);
  caf::scoped_actor self{sys_};
  for (auto& slot : config_.shards) {
    caf::anon_send_exit(slot, caf::exit_reason::kill);
    self->wait_for(slot);
  }
  caf::anon_send_exit(edge_, caf::exit_reason::kill);
  self->wait_for(edge_);
  while (directory_.swarm_count() > 0)
    std::this_thread::yield();
  config_.shards = {};
}

void house::announce(announce_request req) {
  auto tell = [&](const auto& to) {
    caf::actor_cast<caf::abstract_actor*>(to)->eq_impl(caf::make_message_id(), nullptr, &unit_,
                                                       std::move(req), edge_);
  };
  if (auto known = directory_.lookup(req.swarm).swarm)
    tell(known);
  else
    tell(config_.shards[slot_of(req.swarm)]);
  while (unit_.run()) {
  }
}

void house::fill(uint64_t swarms, uint64_t peers) {
  // Peer by peer and not swarm by swarm: tables grow in turns as they do in life.
  for (uint64_t p = 0; p < peers; ++p)
    for (uint64_t s = 0; s < swarms; ++s)
      announce(hello(s, p));
}

void measure(uint64_t swarms, uint64_t peers) {
  house all;
  ::malloc_trim(0);
  auto before = resident_bytes();
  all.fill(swarms, peers);
  ::malloc_trim(0);
  auto used = resident_bytes() - before;
  if (all.peer_count() != swarms * peers)
    std::fprintf(stderr, "bench_swarm_memory: not all have announced, so the figures are wrong\n");
  std::printf("| %llu x %llu | %llu | %.1f | %.1f |\n", static_cast<unsigned long long>(swarms),
              static_cast<unsigned long long>(peers),
              static_cast<unsigned long long>(all.peer_count()),
              double(used) / double(swarms * peers), double(used) / double(swarms));
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  std::printf("| swarms x peers | peers | bytes per peer | bytes per swarm |\n|---|---|---|---|\n");
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_swarm_memory SWARMS PEERS (one case per process)\n");
    return 2;
  }
  measure(std::strtoull(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10));
}
