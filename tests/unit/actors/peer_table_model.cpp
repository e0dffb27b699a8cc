// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.peer_table_model

#include "actors/peer_set.hpp"
#include "actors/union_counts.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>

using namespace shoal;

namespace {

uint64_t seed_of_run() {
  if (auto text = std::getenv("SHOAL_TEST_SEED"))
    return std::strtoull(text, nullptr, 10);
  return std::random_device{}();
}

/// The rules of peer_table, written as plainly as possible.
struct model {
  struct address {
    endpoint where;
    coarse_seconds deadline;
  };
  struct peer {
    std::optional<address> families[2];
    peer_state state;
    bool completed = false;
  };

  uint32_t ttl;
  std::map<uint64_t, peer> peers;
  std::set<uint64_t> completers;
  uint64_t completed = 0;

  void drop(uint64_t identity, size_t family) {
    auto at = peers.find(identity);
    at->second.families[family].reset();
    if (!at->second.families[0] && !at->second.families[1])
      peers.erase(at);
  }

  void drop_holder(const endpoint& where, uint64_t except) {
    auto family = size_t(where.address.family);
    for (auto& [identity, p] : peers)
      if (identity != except && p.families[family] && p.families[family]->where == where)
        return drop(identity, family);
  }

  void announce(const announce_input& in, coarse_seconds now) {
    if (in.event == announce_event::stopped) {
      peers.erase(in.identity);
      return;
    }
    drop_holder(in.peer, in.identity);
    auto& p = peers[in.identity];
    p.families[size_t(in.peer.address.family)] = address{in.peer, now + ttl};
    p.state = in.left_bytes == 0                   ? peer_state::seeder
              : in.event == announce_event::paused ? peer_state::partial
                                                   : peer_state::leecher;
    if (in.event == announce_event::completed && completers.insert(in.identity).second)
      ++completed;
  }

  void expire(coarse_seconds now) {
    std::vector<std::pair<uint64_t, size_t>> due;
    for (auto& [identity, p] : peers)
      for (size_t f : {0, 1})
        if (p.families[f] && p.families[f]->deadline <= now)
          due.emplace_back(identity, f);
    for (auto [identity, f] : due)
      drop(identity, f);
  }

  swarm_counts counts() const {
    swarm_counts c;
    for (auto& [identity, p] : peers) {
      c.seeders += p.state == peer_state::seeder;
      c.leechers += p.state != peer_state::seeder;
      c.downloaders += p.state == peer_state::leecher;
    }
    c.completed = completed;
    return c;
  }

  /// All that an asker may be given of one family, in wire form.
  std::multiset<std::string> eligible(const announce_input& in, ip_family family) const {
    auto asker = peers.at(in.identity).state;
    std::multiset<std::string> result;
    for (auto& [identity, p] : peers) {
      auto& a = p.families[size_t(family)];
      if (identity == in.identity || !a || !a->where.address.is_global())
        continue;
      if (asker != peer_state::leecher && p.state != peer_state::leecher
          && in.event != announce_event::started)
        continue;
      auto key = address_key::of(a->where);
      result.emplace(key.wire.begin(), key.wire.begin() + (family == ip_family::v4 ? 6 : 18));
    }
    return result;
  }
};

/// Draws announces from few identities and few addresses, so that all kinds of conflicts happen.
struct generator {
  std::mt19937_64 random;
  uint32_t identities;

  uint64_t below(uint64_t n) { return random() % n; }

  announce_input next() {
    announce_input in;
    in.identity = below(identities);
    auto number = below(identities);
    auto prefix = below(10) == 0 ? uint8_t{10} : uint8_t{9}; // 10.x is private.
    if (below(3) == 0)
      in.peer.address = ip_address::v6({0x26, prefix, 0, uint8_t(number >> 8), uint8_t(number)});
    else
      in.peer.address = ip_address::v4({prefix, 1, uint8_t(number >> 8), uint8_t(number)});
    in.peer.port = uint16_t(1 + below(2));
    in.left_bytes = below(2);
    in.numwant = uint32_t(below(3) == 0 ? below(1001) : below(20));
    switch (below(10)) {
    case 0:
      in.event = announce_event::stopped;
      break;
    case 1:
      in.event = announce_event::completed;
      break;
    case 2:
      in.event = announce_event::paused;
      break;
    case 3:
      in.event = announce_event::started;
      break;
    default:
      break;
    }
    return in;
  }
};

void check_handout(const std::string& wires, size_t stride, std::multiset<std::string> eligible) {
  CAF_REQUIRE_EQUAL(wires.size() % stride, 0u);
  for (size_t i = 0; i < wires.size(); i += stride) {
    auto found = eligible.find(wires.substr(i, stride));
    CAF_REQUIRE(found != eligible.end()); // Eligible, and not twice.
    eligible.erase(found);
  }
}

/// Applies facts to a map and to a union_counts, and compares both with the truth.
struct follower {
  std::map<uint64_t, peer_change::to> known;

  void apply(const std::vector<peer_change>& changes) {
    for (auto& c : changes) {
      if (c.state == peer_change::to::gone)
        CAF_REQUIRE_EQUAL(known.erase(c.identity), 1u);
      else
        known[c.identity] = c.state;
    }
  }

  template <class Table>
  void compare(const Table& table) {
    size_t seen = 0;
    table.for_each_identity([&](uint64_t identity, peer_state state) {
      ++seen;
      auto wanted
          = state == peer_state::seeder ? peer_change::to::seeder : peer_change::to::leecher;
      CAF_REQUIRE(known.contains(identity));
      CAF_REQUIRE(known[identity] == wanted);
    });
    CAF_REQUIRE_EQUAL(seen, known.size());
  }
};

template <class Table>
void run(uint64_t seed, uint32_t identities, int steps) {
  CAF_MESSAGE("seed " << seed << ", " << identities << " identities");
  peer_table_config config;
  config.ttl_s = identities; // About as many seconds as there are peers: most of them are alive.
  Table table(config);
  model naive{config.ttl_s, {}, {}, 0};
  generator g{std::mt19937_64(seed), identities};
  follower facts;
  handout out;
  coarse_seconds now = 1000;
  std::vector<peer_change> changes;
  for (int i = 0; i < steps; ++i) {
    now += uint32_t(g.below(4) == 0);
    changes.clear();
    if (g.below(8) == 0) {
      table.expire(now, &changes);
      naive.expire(now);
    }
    auto in = g.next();
    out.clear();
    auto known = naive.peers.contains(in.identity);
    auto before = naive.completed;
    auto result = table.announce(in, now, g.random(), out, &changes);
    naive.announce(in, now);
    facts.apply(changes);
    auto stopped = in.event == announce_event::stopped;
    CAF_REQUIRE(result.counts == naive.counts());
    CAF_REQUIRE_EQUAL(result.joined, !known && !stopped);
    CAF_REQUIRE_EQUAL(result.left, known && stopped);
    CAF_REQUIRE_EQUAL(result.completed_now, naive.completed > before);
    if (stopped) {
      CAF_REQUIRE(out.peers4.empty() && out.peers6.empty());
      continue;
    }
    auto e4 = naive.eligible(in, ip_family::v4);
    auto e6 = naive.eligible(in, ip_family::v6);
    auto given = out.peers4.size() / 6 + out.peers6.size() / 18;
    auto possible = e4.size() + e6.size();
    CAF_REQUIRE_EQUAL(given, in.numwant < possible ? in.numwant : possible);
    check_handout(out.peers4, 6, std::move(e4));
    check_handout(out.peers6, 18, std::move(e6));
    CAF_REQUIRE_EQUAL(table.peers(), naive.peers.size());
    if (i % 64 == 0)
      facts.compare(table);
  }
}

} // namespace

CAF_TEST(small tables agree with the model) {
  auto seed = seed_of_run();
  for (uint32_t identities : {2u, 5u, 20u})
    run<peer_table>(seed, identities, 20'000);
}

CAF_TEST(sets agree with the model while they come and go between object and heap) {
  auto seed = seed_of_run();
  for (uint32_t identities : {2u, 3u, 4u, 6u, 20u})
    run<peer_set>(seed, identities, 20'000);
}

CAF_TEST(indexed tables agree with the model) {
  auto seed = seed_of_run();
  run<peer_table>(seed, 300, 6000);
  run<peer_table>(seed + 1, 1500, 6000);
}

CAF_TEST(a snapshot brings back what was exported) {
  auto seed = seed_of_run();
  CAF_MESSAGE("seed " << seed);
  peer_table_config config;
  generator g{std::mt19937_64(seed), 400};
  peer_table table(config);
  handout out;
  for (int i = 0; i < 3000; ++i)
    table.announce(g.next(), 1000, g.random(), out);
  table.account({7, ip_family::v4, announce_event::started, 0, 0}, 1000);
  std::string bytes;
  table.export_to(bytes, 1000);
  peer_table copy(config);
  CAF_REQUIRE(copy.import_from(bytes, 50).has_value());
  CAF_CHECK(copy.counts() == table.counts());
  CAF_CHECK_EQUAL(copy.addresses(), table.addresses());
  std::map<uint64_t, peer_state> left;
  table.for_each_identity([&](uint64_t id, peer_state s) { left[id] = s; });
  copy.for_each_identity([&](uint64_t id, peer_state s) {
    CAF_REQUIRE(left.contains(id) && left[id] == s);
    left.erase(id);
  });
  CAF_CHECK(left.empty());
  CAF_CHECK(copy.account({7, ip_family::v4, announce_event::none, 5, 6}, 60)
            == (usage_delta{5, 6}));
  CAF_CHECK_EQUAL(copy.expire(50 + config.restored_ttl_s - 1), 0u);
  copy.expire(50 + config.restored_ttl_s);
  CAF_CHECK(copy.empty());
}

CAF_TEST(a damaged snapshot is refused or read but never harms) {
  auto seed = seed_of_run();
  CAF_MESSAGE("seed " << seed);
  peer_table_config config;
  generator g{std::mt19937_64(seed), 30};
  peer_table table(config);
  handout out;
  for (int i = 0; i < 200; ++i)
    table.announce(g.next(), 1000, g.random(), out);
  table.account({7, ip_family::v4, announce_event::started, 0, 0}, 1000);
  std::string bytes;
  table.export_to(bytes, 1000);
  for (size_t size = 0; size < bytes.size(); ++size) {
    peer_table copy(config);
    CAF_REQUIRE(!copy.import_from(bytes.substr(0, size), 1000));
    CAF_REQUIRE(copy.empty());
  }
  CAF_CHECK(!peer_table(config).import_from(bytes + "x", 1000));
  for (int i = 0; i < 5000; ++i) {
    auto damaged = bytes;
    for (uint64_t n = 1 + g.below(4); n > 0; --n)
      damaged[g.below(damaged.size())] = char(g.below(256));
    peer_table copy(config);
    if (copy.import_from(damaged, 1000))
      for (int k = 0; k < 5; ++k)
        copy.announce(g.next(), 1000, g.random(), out);
    copy.expire(UINT32_MAX);
    CAF_REQUIRE(copy.empty());
    CAF_REQUIRE_EQUAL(copy.peers(), 0u);
  }
}
