// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.shared_keys

#include "cluster/shared_keys.hpp"

#include "core/ids.hpp"
#include "tests/sim/etcd_model.hpp"

#include <caf/test/unit_test.hpp>

#include <map>

using namespace shoal;
using namespace shoal::sim;
using namespace shoal::cluster;
using namespace std::chrono_literals;

namespace {

const shared_key_config daily{"udp", 100s, 10s, 20s};
const shared_key_config lasting{"identities", 0s, 10s, 0s};
const shared_key_config slow{"passkeys", 0s, 10s, 3h};
const shared_key_config sealed{"sessions", 2h, 10s, 3h};

/// A node's keys; its wall clock may be wrong.
struct node {
  node(timeline& t, etcd_model& etcd, uint64_t seed, int64_t skew_s)
      : time{t}, chance{seed}, link{etcd.connect()}, keys{*link, settings(), environment(skew_s)} {}

  static shared_keys::config settings() {
    shared_keys::config c;
    c.keys = {daily, lasting, slow, sealed};
    return c;
  }

  shared_keys::environment environment(int64_t skew_s) {
    auto seconds = [this] {
      return std::chrono::duration_cast<std::chrono::seconds>(time.now().time_since_epoch());
    };
    return {[this] { return time.now(); },
            [seconds, skew_s] { return 1'700'000'000 + seconds().count() + skew_s; },
            [this](std::span<uint8_t> out) {
              for (auto& byte : out)
                byte = static_cast<uint8_t>(chance.next());
              return random_works;
            },
            [this](std::string_view) { ++changes; },
            [this](std::string_view, const error& why) { failures.push_back(to_string(why)); }};
  }

  timeline& time;
  dice chance;
  bool random_works = true;
  int changes = 0;
  std::vector<std::string> failures;
  std::unique_ptr<etcd_link> link;
  shared_keys keys;
};

struct fixture {
  node& add(int64_t skew_s = 0) {
    nodes.push_back(std::make_unique<node>(time, etcd, ++nodes_made, skew_s));
    return *nodes.back();
  }

  void run_for(sim::duration span) {
    for (auto end = time.now() + span; time.now() < end;) {
      for (auto& n : nodes)
        n->keys.advance();
      time.run_for(100ms);
      look();
    }
  }

  /// Whatever one node issues, all others accept that know any key.
  void look() {
    for (auto& a : nodes)
      for (auto& b : nodes)
        compare(*a, *b);
  }

  void compare(const node& a, const node& b) {
    for (auto& name : {daily.name, lasting.name, sealed.name})
      if (auto issues = a.keys.ring(name))
        verify(b, name, issues->current.secret);
  }

  void verify(const node& n, const std::string& name, const std::string& secret) {
    auto accepted = n.keys.ring(name);
    if (!accepted)
      return;
    auto good = accepted->current.secret == secret;
    for (auto& other : accepted->others)
      good = good || other.secret == secret;
    refused += !good;
  }

  /// Notes what is issued under which secret, and looks whether what was issued less than `accept`
  /// ago is still good at every node.
  void issue_and_verify(const shared_key_config& key, std::map<std::string, mono_time>& issued) {
    for (auto& n : nodes)
      if (auto ring = n->keys.ring(key.name))
        issued[ring->current.secret] = time.now();
    for (auto& n : nodes)
      for (auto& [secret, at] : issued)
        if (time.now() < at + key.accept)
          verify(*n, key.name, secret);
  }

  std::optional<std::string> stored(const std::string& name) {
    auto found = etcd.state().find("shoal/keys/" + name);
    return found ? std::optional{found->value} : std::nullopt;
  }

  void put(const std::string& name, std::optional<std::string> value) {
    admin->commit({{}, {{"shoal/keys/" + name, std::move(value), 0}}, {}}, time.now() + 1s,
                  [](auto) {});
    time.run_for(50ms);
  }

  timeline time{1};
  etcd_model etcd{time, {}};
  std::unique_ptr<etcd_link> admin = etcd.connect();
  std::vector<std::unique_ptr<node>> nodes;
  uint64_t nodes_made = 0;
  int refused = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(shared_keys_tests, fixture)

CAF_TEST(the first node makes the keys and all have the same) {
  for (int i = 0; i < 3; ++i)
    add();
  run_for(5s);
  CAF_CHECK_EQUAL(refused, 0);
  auto ring = nodes[0]->keys.ring("udp");
  CAF_REQUIRE(ring);
  CAF_CHECK_EQUAL(ring->current.number, 1u);
  CAF_CHECK_EQUAL(ring->current.secret.size(), key_generation::secret_bytes);
  CAF_CHECK(ring->others.empty());
  for (auto& n : nodes) {
    CAF_CHECK(n->keys.ring("udp") == ring);
    CAF_CHECK_EQUAL(n->changes, 4);
  }
  CAF_CHECK(nodes[0]->keys.ring("identities")->current.secret != ring->current.secret);
  CAF_CHECK(!nodes[0]->keys.ring("unknown"));
}

CAF_TEST(a key is rotated by one node and nobody is refused meanwhile) {
  for (int i = 0; i < 3; ++i)
    add();
  run_for(5s);
  auto first = nodes[0]->keys.ring("udp")->current;
  run_for(100s);
  auto during = *nodes[1]->keys.ring("udp");
  CAF_MESSAGE("seen, but nobody issues under it yet");
  CAF_CHECK(during.current == first);
  CAF_REQUIRE_EQUAL(during.others.size(), 1u);
  CAF_CHECK_EQUAL(during.others[0].number, 2u);
  run_for(10s);
  CAF_MESSAGE("now they do, and the old one is still good");
  auto after = *nodes[2]->keys.ring("udp");
  CAF_CHECK_EQUAL(after.current.number, 2u);
  CAF_REQUIRE_EQUAL(after.others.size(), 1u);
  CAF_CHECK(after.others[0] == first);
  run_for(20s);
  CAF_CHECK(nodes[0]->keys.ring("udp")->others.empty());
  run_for(500s);
  CAF_CHECK_EQUAL(refused, 0);
  CAF_CHECK(nodes[0]->keys.ring("udp")->current.number == 7);
  CAF_CHECK(nodes[0]->keys.ring("identities")->current.number == 1);
}

CAF_TEST(without the service keys go on being used) {
  add();
  add();
  run_for(5s);
  auto before = nodes[0]->keys.ring("udp")->current;
  etcd.set_available(false);
  run_for(1000s);
  CAF_CHECK(nodes[0]->keys.ring("udp")->current == before);
  etcd.set_available(true);
  run_for(30s);
  CAF_CHECK(nodes[0]->keys.ring("udp")->current.number > before.number);
  CAF_CHECK_EQUAL(refused, 0);
}

CAF_TEST(a node that starts later and one that starts again know the same keys) {
  add();
  run_for(107s);
  CAF_MESSAGE("in the middle of a rotation");
  CAF_CHECK(nodes[0]->keys.ring("udp")->others.size() == 1);
  add();
  run_for(5s);
  CAF_CHECK(nodes[1]->keys.ring("udp")->current.number == 2);
  CAF_CHECK(nodes[1]->keys.ring("udp")->others.size() == 1);
  nodes.erase(nodes.begin());
  add();
  run_for(300s);
  CAF_CHECK_EQUAL(refused, 0);
}

CAF_TEST(clocks that differ do no harm) {
  add();
  run_for(5s);
  add(11 * 86'400);
  add(-11 * 86'400);
  run_for(1000s);
  CAF_CHECK_EQUAL(refused, 0);
  auto number = nodes[0]->keys.ring("udp")->current.number;
  CAF_CHECK(number >= 8 && number <= 12);
  CAF_MESSAGE("nodes that come again and again do not rotate each time");
  for (int i = 0; i < 20; ++i) {
    nodes.pop_back();
    add(i % 2 == 0 ? 11 * 86'400 : -11 * 86'400);
    run_for(5s);
  }
  CAF_CHECK_EQUAL(refused, 0);
  CAF_CHECK(nodes[0]->keys.ring("udp")->current.number <= number + 3);
}

CAF_TEST(an erased key is written again with what is still good) {
  add();
  add();
  run_for(5s);
  auto before = *nodes[0]->keys.ring("udp");
  put("udp", std::nullopt);
  run_for(5s);
  auto record = decode_shared_key(*stored("udp"));
  CAF_REQUIRE(record);
  CAF_REQUIRE_EQUAL(record->generations.size(), 2u);
  CAF_CHECK(record->generations[1].key == before.current);
  run_for(60s);
  CAF_CHECK(nodes[0]->keys.ring("udp")->current.number == 2);
  CAF_CHECK_EQUAL(refused, 0);
}

CAF_TEST(a key that is erased twice is still read and nobody is refused) {
  add();
  add();
  run_for(5s);
  auto first = nodes[0]->keys.ring("udp")->current;
  run_for(100s); // A few generations, so that numbers have grown.
  CAF_MESSAGE("somebody begins anew with what nobody knows");
  put("udp", encode(shared_key_record{{{{1, 1000, std::string(32, 'n')}, 0}}}));
  run_for(1s);
  put("udp", std::nullopt);
  run_for(5s);
  auto record = decode_shared_key(*stored("udp"));
  CAF_REQUIRE(record);
  CAF_CHECK_GREATER(record->generations.size(), 2u);
  CAF_CHECK_EQUAL(record->generations[1].key.secret, std::string(32, 'n'));
  CAF_CHECK(nodes[0]->failures.empty());
  run_for(60s);
  CAF_CHECK(nodes[0]->keys.ring("udp")->current.secret != first.secret);
  CAF_CHECK_EQUAL(refused, 0);
}

CAF_TEST(a generation that was replaced is not accepted anew by those that start again) {
  add();
  run_for(5s);
  auto old = nodes[0]->keys.ring("passkeys")->current;
  put("passkeys", std::nullopt);
  run_for(30s);
  auto accepts = [&] {
    auto ring = nodes[0]->keys.ring("passkeys");
    CAF_REQUIRE(ring);
    return std::any_of(ring->others.begin(), ring->others.end(),
                       [&](auto& x) { return x.secret == old.secret; });
  };
  auto begin = time.now();
  auto end = mono_time::max();
  while (time.now() < begin + 6h) {
    for (int i = 0; i < 2000; ++i) {
      nodes[0]->keys.advance();
      time.run_for(1s);
      if (end == mono_time::max() && !accepts())
        end = time.now();
    }
    nodes.clear();
    add(time.random.chance(500) ? 400 * 86'400 : -400 * 86'400);
    run_for(5s);
    CAF_CHECK(end == mono_time::max() || !accepts()); // Never again.
  }
  CAF_CHECK(end >= begin + 2h + 55min);
  CAF_CHECK(end < begin + 5h); // Each restart loses what was not noted.
  CAF_CHECK_EQUAL(decode_shared_key(*stored("passkeys"))->generations.size(), 1u);
}

CAF_TEST(what is good for long rotates although nodes start again and nobody is refused) {
  add();
  add();
  run_for(5s);
  std::map<std::string, mono_time> issued;
  for (int turn = 0; turn < 48; ++turn) {
    for (int i = 0; i < 180; ++i) {
      for (auto& n : nodes)
        n->keys.advance();
      time.run_for(5s);
      issue_and_verify(sealed, issued);
    }
    CAF_MESSAGE("half an hour is all that a node ever watches, by whatever clock");
    nodes.erase(nodes.begin());
    add(time.random.chance(500) ? 400 * 86'400 : -400 * 86'400);
    run_for(5s);
  }
  CAF_CHECK_EQUAL(refused, 0);
  auto newest = nodes[0]->keys.ring("sessions")->current.number;
  CAF_CHECK(newest >= 4 && newest <= 5); // In twelve hours, each three hours old at least.
}

CAF_TEST(of many nodes one does what is due) {
  for (int i = 0; i < 30; ++i)
    add();
  run_for(5s);
  auto before = etcd.commits_tried();
  auto noted = etcd.state().revision();
  run_for(1h);
  auto written = etcd.state().revision() - noted;
  CAF_CHECK_GREATER_OR_EQUAL(written, 30u); // One key is replaced every 100 seconds.
  CAF_CHECK_LESS(etcd.commits_tried() - before, 3 * written);
}

CAF_TEST(what cannot be read is not overwritten and what is known goes on) {
  add();
  run_for(5s);
  auto before = *nodes[0]->keys.ring("udp");
  put("udp", "{\"generations\":\"secret-text\"}");
  run_for(300s);
  CAF_CHECK(nodes[0]->keys.ring("udp") == before);
  CAF_CHECK(*stored("udp") == "{\"generations\":\"secret-text\"}");
  CAF_REQUIRE(!nodes[0]->failures.empty());
  for (auto& text : nodes[0]->failures)
    CAF_CHECK(text.find("secret-text") == std::string::npos);
}

CAF_TEST(without random bytes no key is made) {
  add().random_works = false;
  run_for(5s);
  CAF_CHECK(!stored("udp"));
  CAF_CHECK(!nodes[0]->keys.ring("udp"));
  CAF_CHECK(!nodes[0]->failures.empty());
  nodes[0]->random_works = true;
  run_for(5s);
  CAF_CHECK(nodes[0]->keys.ring("udp"));
}

CAF_TEST(whatever is lost or late all agree in the end and one rotation happens at a time) {
  etcd.faults().lost = 100;
  etcd.faults().late = 100;
  for (int i = 0; i < 4; ++i)
    add();
  for (int i = 0; i < 40; ++i) {
    if (time.random.chance(200))
      etcd.break_watches();
    if (time.random.chance(200))
      etcd.compact(etcd.state().revision());
    run_for(10s);
  }
  etcd.faults().lost = etcd.faults().late = 0;
  run_for(60s);
  auto last = nodes[0]->keys.ring("udp");
  for (auto& n : nodes)
    CAF_CHECK(n->keys.ring("udp")->current == last->current);
  CAF_CHECK(last->current.number <= 6);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(records of shared keys come back as they were written) {
  shared_key_record x;
  for (uint64_t i = shared_key_record::generations_max; i > 0; --i)
    x.generations.push_back(
        {{i, static_cast<unix_seconds>(i * 100), std::string(32, char(i))}, int64_t(i)});
  auto value = encode(x);
  CAF_CHECK(decode_shared_key(value) == x);
  for (size_t n = 0; n < value.size(); ++n)
    CAF_CHECK(!decode_shared_key(std::string_view{value}.substr(0, n)));
  auto more = x;
  more.generations.push_back(x.generations.back());
  CAF_CHECK(!decode_shared_key(encode(more)));
  more = x;
  std::swap(more.generations[0], more.generations[1]);
  CAF_CHECK(!decode_shared_key(encode(more)));
  more = x;
  more.generations[0].key.secret.pop_back();
  CAF_CHECK(!decode_shared_key(encode(more)));
  CAF_CHECK(!decode_shared_key("{\"generations\":[]}"));
  CAF_CHECK(!decode_shared_key("[]"));
}

CAF_TEST(derived keys are those of RFC 5869) {
  auto secret = *sha256_digest::from_hex(
      "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  std::array<uint8_t, 10> label{0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9};
  CAF_CHECK_EQUAL(
      to_hex(as_bytes(derive_key(secret.chars(), as_chars(label), 42))),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}
