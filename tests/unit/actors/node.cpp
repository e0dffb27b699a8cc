// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.node

#include "actors/node.hpp"

#include "actors/edge_port.hpp"
#include "actors/snapshotter.hpp"
#include "tests/unit/persistence/support.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/test/unit_test.hpp>

#include <thread>

using namespace shoal;
using namespace shoal::test;

namespace {

struct waiter : announce_sink {
  void on_reply(announce_reply* reply) override {
    answered = true;
    if (reply)
      last = *reply;
  }

  bool answered = false;
  announce_reply last;
};

/// A node that runs, with its own metrics, because those read from it.
struct running {
  explicit running(const fs::path& data_dir) {
    node_config config;
    config.data_dir = data_dir;
    config.map_bytes_max = uint64_t{1} << 30;
    config.private_network = true;
    config.snapshot_period = std::chrono::hours{1};
    auto started = node::start(config, metrics);
    CAF_REQUIRE(started);
    it = std::move(*started);
  }

  /// As an edge does it, on this thread.
  announce_reply announce(uint8_t n, uint64_t uploaded = 0) {
    announce_request req;
    req.swarm.bytes.fill(7);
    req.peer = {*ip_address::parse("10.0.0." + std::to_string(n)), 6881};
    req.identity = n;
    req.uploaded = uploaded;
    req.numwant = 50;
    req.user = "ada";
    edge_port port{it->system(), it->shards(), [] {}};
    port.loop().bind_to_this_thread();
    waiter sink;
    port.announce(req, it->directory().lookup(req.swarm).swarm, sink, mono_now());
    while (!sink.answered) {
      port.run();
      port.sweep(mono_now());
      std::this_thread::yield();
    }
    return sink.last;
  }

  uint64_t booked() {
    caf::scoped_actor self{it->system()};
    self->request(it->accounts(), defaults::request_timeout, atom::flush::value)
        .receive([](atom::flush) {}, [](const caf::error&) { CAF_ERROR("no flush"); });
    auto found = it->store().get(table::users, "ada");
    return found && *found ? decode_usage((*found)->value)->uploaded_bytes : 0;
  }

  void write_periodic_snapshot(const fs::path& data_dir) {
    snapshot_config config;
    config.path = data_dir / "swarms.snapshot";
    config.directory = &it->directory();
    config.shards = it->shards();
    CAF_CHECK(write_snapshot(it->system(), config, false));
  }

  metrics::registry metrics;
  std::unique_ptr<node> it;
};

struct fixture {
  temp_folder folder;
  fs::path data = folder.path() / "data";

  /// What a crash leaves behind: the files as they are while the node runs.
  fs::path crash_copy() {
    auto copy = folder.path() / "copy";
    fs::copy(data, copy, fs::copy_options::recursive);
    return copy;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(node_tests, fixture)

CAF_TEST(peers and traffic baselines survive an orderly restart) {
  {
    running first{data};
    first.announce(1, 100);
    first.it->stop();
  }
  running second{data};
  CAF_CHECK_EQUAL(second.it->directory().peer_count(), 1);
  auto reply = second.announce(2);
  CAF_CHECK_EQUAL(reply.complete, 2u);
  second.announce(1, 180);
  CAF_CHECK_EQUAL(second.booked(), 80u);
}

CAF_TEST(peers survive a crash as of the last snapshot and no traffic is booked twice) {
  running first{data};
  first.announce(1, 100);
  first.write_periodic_snapshot(data);
  first.announce(1, 150);
  CAF_CHECK_EQUAL(first.booked(), 50u);
  running second{crash_copy()};
  CAF_CHECK_EQUAL(second.announce(2).complete, 2u);
  second.announce(1, 180);
  second.announce(1, 190);
  CAF_CHECK_EQUAL(second.booked(), 60u);
}

CAF_TEST(the snapshot of an orderly stop is trusted once) {
  {
    running first{data};
    first.announce(1, 100);
  }
  running second{data};
  second.announce(1, 180);
  CAF_CHECK_EQUAL(second.booked(), 80u);
  CAF_MESSAGE("it crashes before its own first snapshot");
  running third{crash_copy()};
  CAF_CHECK_EQUAL(third.it->directory().peer_count(), 1);
  third.announce(1, 200);
  CAF_CHECK_EQUAL(third.booked(), 80u);
}

CAF_TEST(two nodes cannot have the same data) {
  running first{data};
  metrics::registry metrics;
  node_config config;
  config.data_dir = data;
  config.map_bytes_max = uint64_t{1} << 30;
  auto refused = node::start(config, metrics);
  CAF_REQUIRE(!refused);
  CAF_CHECK_EQUAL(refused.error().code, ec::unavailable);
}

CAF_TEST_FIXTURE_SCOPE_END()
