// SPDX-License-Identifier: Apache-2.0
#pragma once

// After CAF_SUITE only.

#include "actors/accounts.hpp"
#include "actors/catalog.hpp"
#include "actors/commit_writer.hpp"
#include "actors/error.hpp"
#include "actors/registry_shard.hpp"
#include "actors/shard.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/test/dsl.hpp>

namespace shoal::test {

/// Actors under CAF's deterministic scheduler and virtual clock. Derived fixtures call `end_actors`
/// in their destructor, before what the actors use goes.
class actor_fixture : public test_coordinator_fixture<> {
public:
  /// Handles all messages; fires no timeout.
  void drain() {
    while (sched.try_run_once()) {
    }
  }

  /// Lets virtual time pass.
  void advance(caf::timespan by) {
    sched.clock().advance_time(by);
    drain();
  }

  template <class Handle>
  Handle track(Handle spawned) {
    spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(spawned));
    return spawned;
  }

  void kill(const caf::strong_actor_ptr& victim) {
    caf::anon_send_exit(caf::actor_cast<caf::actor>(victim), caf::exit_reason::kill);
    drain();
  }

  template <class Handle>
  void kill(const Handle& victim) {
    kill(caf::actor_cast<caf::strong_actor_ptr>(victim));
  }

  void end_actors() {
    drain();
    for (auto& x : std::exchange(spawned_, {}))
      kill(x);
  }

  /// Sends a request; `collect` takes the answer.
  template <class Target, class... Ts>
  auto post(const Target& target, Ts&&... xs) {
    return self->request(target, caf::infinite, std::forward<Ts>(xs)...);
  }

  /// @returns ec::timeout if the answer has not come.
  template <class Reply, class Handle>
  result<Reply> collect(Handle handle) {
    drain();
    if (self->mailbox().empty())
      return fail(ec::timeout);
    result<Reply> answer = fail(ec::timeout);
    handle.receive([&](Reply& x) { answer = std::move(x); },
                   [&](caf::error& e) { answer = tl::unexpected{from_caf(e)}; });
    return answer;
  }

  template <class Reply, class Target, class... Ts>
  result<Reply> ask(const Target& target, Ts&&... xs) {
    return collect<Reply>(post(target, std::forward<Ts>(xs)...));
  }

  /// The answer of a request that must not fail.
  template <class Reply, class Target, class... Ts>
  Reply must(const Target& target, Ts&&... xs) {
    auto answer = ask<Reply>(target, std::forward<Ts>(xs)...);
    CAF_REQUIRE(answer);
    return std::move(*answer);
  }

private:
  std::vector<caf::strong_actor_ptr> spawned_;
};

inline edge_actor::behavior_type listening_edge(edge_actor::pointer,
                                                std::vector<announce_reply>* heard) {
  return {[heard](announce_reply& x) { heard->push_back(std::move(x)); },
          [](const scrape_reply&) {}};
}

/// What a slow writer has been asked and will answer.
struct held_commits {
  size_t asked = 0;
  std::vector<caf::typed_response_promise<uint64_t>> open;
  std::optional<error> refusal; ///< Else the commits succeed.
};

/// A writer that answers nobody before it is told to flush.
inline commit_writer_actor::behavior_type slow_writer(commit_writer_actor::pointer self,
                                                      held_commits* held) {
  return {[=](commit_request&) {
            ++held->asked;
            held->open.push_back(
                self->make_response_promise<caf::typed_response_promise<uint64_t>>());
            return held->open.back();
          },
          [=](atom::flush) {
            for (auto& answer : std::exchange(held->open, {})) {
              if (held->refusal)
                answer.deliver(to_caf(*held->refusal));
              else
                answer.deliver(uint64_t{9});
            }
          }};
}

/// A node without edges and threads: store, writer, registry, accounts and swarms.
class tracker_fixture : public actor_fixture {
public:
  tracker_fixture() {
    directory = std::make_unique<swarm_directory>();
    edge = track(sys.spawn(listening_edge, &heard));
    accounts_settings.store = store.get();
    accounts_settings.now = [] { return unix_seconds{77}; };
    registry_settings.store = store.get();
    registry_settings.directory = directory.get();
    registry_settings.now = [this] { return wall; };
    registry_settings.registry_of = [this](const info_hash& hash) { return registry_of(hash); };
    registry_settings.writer = track(sys.spawn<commit_writer>(store.get(), &metrics));
    accounts_settings.writer = registry_settings.writer;
    registry_settings.catalog = track(sys.spawn<catalog>(store.get()));
    for (size_t i = 0; i < registry.size(); ++i)
      registry[i] = track(sys.spawn<registry_shard>(i, &registry_settings));
    booking = track(sys.spawn<accounts>(accounts_settings, &metrics));
    settings.peers.private_network = true;
    interval_config exact;
    exact.jitter_percent = 0;
    settings.intervals.configure(exact);
    settings.peers.clients = &settings.clients;
    settings.directory = directory.get();
    settings.accounts = booking;
    settings.registry_of = registry_settings.registry_of;
    settings.now = [this] { return now; };
    for (auto& slot : settings.shards)
      slot = track(sys.spawn<shard, caf::lazy_init>(&settings));
    drain();
  }

  ~tracker_fixture() override {
    end_actors();
    for (size_t slot = 0; slot < slot_count; ++slot)
      for (auto& swarm : directory->swarms_in(slot))
        kill(swarm);
    // Those that have left the directory wait for stragglers before they end, and use it once more.
    advance(std::chrono::seconds{10});
  }

  const registry_shard_actor& registry_of(const info_hash& hash) const {
    return registry[registry_shard_of(hash)];
  }

  /// What peer number `n` says.
  announce_request hello(const info_hash& hash, uint8_t n, uint64_t left,
                         announce_event event = announce_event::none) const {
    announce_request req;
    req.exchange = n;
    req.swarm = hash;
    req.peer = {*ip_address::parse("10.0.0." + std::to_string(n)), 6881};
    req.identity = n;
    req.left = left;
    req.event = event;
    req.numwant = 50;
    return req;
  }

  /// As an edge does: to the swarm if there is one, else to the shard.
  announce_reply announce(const announce_request& req) {
    auto before = heard.size();
    if (auto swarm = directory->lookup(req.swarm).swarm)
      caf::anon_send(swarm, req, edge);
    else
      caf::anon_send(settings.shards[slot_of(req.swarm)], req, edge);
    drain();
    CAF_REQUIRE_EQUAL(heard.size(), before + 1);
    return heard.back();
  }

  swarm_actor swarm_of(const info_hash& hash) const { return directory->lookup(hash).swarm; }

  /// As the edges' sweeps do.
  void sweep(const info_hash& hash) {
    if (auto swarm = swarm_of(hash))
      caf::anon_send(swarm, atom::expire::value);
    drain();
  }

  result<registry_entry> enter(const registry_entry& entry) {
    return ask<registry_entry>(registry_of(entry.hashes.primary_swarm()), register_entry{entry});
  }

  result<registry_entry> look(const torrent_hashes& hashes) {
    return ask<registry_entry>(registry_of(hashes.primary_swarm()),
                               lookup_entry{hashes.primary_key()});
  }

  /// An entry that must be there.
  registry_entry seen(const torrent_hashes& hashes) {
    auto entry = look(hashes);
    CAF_REQUIRE(entry);
    return std::move(*entry);
  }

  size_t found(const std::string& text) {
    size_t hits = 0;
    for (auto& x : registry) {
      search_query query;
      query.q = text;
      query.limit = 10;
      hits += must<search_result>(x, query).hits.size();
    }
    return hits;
  }

  temp_folder folder;
  std::unique_ptr<lmdb_store> store = open_store(store_config(folder.path() / "db"));
  metrics::registry metrics;
  std::unique_ptr<swarm_directory> directory;
  std::vector<announce_reply> heard;
  edge_actor edge;
  accounts_config accounts_settings;
  registry_config registry_settings;
  swarm_config settings;
  std::array<registry_shard_actor, registry_shard_count> registry;
  accounts_actor booking;
  coarse_seconds now = 1000;
  unix_seconds wall = 1'700'000'000;
};

inline sha256_digest digest(uint8_t fill) {
  sha256_digest d;
  d.bytes.fill(fill);
  return d;
}

inline info_hash hash20(uint8_t fill) {
  info_hash h;
  h.bytes.fill(fill);
  return h;
}

inline registry_entry hybrid(uint8_t v2, uint8_t v1, std::string name = "a model") {
  registry_entry entry;
  entry.hashes.v2 = digest(v2);
  entry.hashes.v1 = hash20(v1);
  entry.name = std::move(name);
  return entry;
}

} // namespace shoal::test
