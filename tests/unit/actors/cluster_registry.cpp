// SPDX-License-Identifier: Apache-2.0
// The registry of three nodes on a real etcd, over real links.
#define CAF_SUITE actors.cluster_registry

#include "tests/unit/actors/support/cluster_world.hpp"

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

registry_entry entry_in(uint8_t slot, uint8_t n) {
  registry_entry entry;
  info_hash v1;
  v1.bytes.fill(n);
  v1.bytes[0] = slot;
  entry.hashes.v1 = v1;
  entry.name = "model " + std::to_string(slot) + ' ' + std::to_string(n);
  return entry;
}

struct fixture : cluster_world {
  /// Ten entries of each node's slots, each taken by another node.
  void fill() {
    for (uint8_t n = 0; n < 30; ++n)
      CAF_REQUIRE(nodes[(n + 1u) % 3]->enter(entry_in(uint8_t(n % 3 * 85 + n), n)));
  }

  /// The whole list, in pages of seven.
  static std::vector<std::string> list_of(cluster_node& node) {
    std::vector<std::string> all;
    for (uint64_t offset = 0;; offset += 7) {
      auto page = node.search(7, offset);
      CAF_CHECK_EQUAL(page.found.total, 30u);
      CAF_CHECK_EQUAL(page.staleness_s, 0u);
      if (page.found.hits.empty())
        return all;
      for (auto& hit : page.found.hits)
        all.push_back(hit.key);
    }
  }

  static void count(cluster_node& node, const info_hash& swarm, uint32_t times) {
    caf::scoped_actor self{node.it->system()};
    auto& shard = node.it->registry()[registry_shard_of(swarm)];
    self->send(shard, completions_counted{swarm, times});
    CAF_CHECK(node.ask<atom::flush>(shard, atom::flush::value));
  }

  static bool has(cluster_node& node, const sha256_digest& object) {
    return node.it->objects().size(object).has_value();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(cluster_registry_tests, fixture)

CAF_TEST(what one node takes is kept by the owner and found at all) {
  auto entry = entry_in(0x90, 1);
  auto hash = entry.hashes.primary_key();
  CAF_REQUIRE(a().enter(entry));
  CAF_CHECK(a().it->store().get(table::entries, hash).value().has_value());
  for (auto& node : nodes) {
    auto found = node->look(hash);
    CAF_REQUIRE(found);
    CAF_CHECK_EQUAL(found->name, "model 144 1");
    CAF_CHECK_EQUAL(node->search(10, 0).found.total, 1u);
  }
  CAF_MESSAGE("an announce at any node finds it registered");
  eventually([&] {
    return std::all_of(nodes.begin(), nodes.end(), [&](auto& node) {
      return node->it->directory().lookup(*entry.hashes.v1).registered;
    });
  });
  CAF_MESSAGE("a takedown reaches them too");
  CAF_REQUIRE(
      c().ask<atom::clear>(c().it->registry_of(*entry.hashes.v1), remove_entry{hash, "asked to"}));
  auto gone = a().look(hash);
  CAF_CHECK(!gone && gone.error().code == ec::not_found);
  CAF_CHECK(b().search(10, 0).found.total == 0u);
  auto refused = a().enter(entry);
  CAF_CHECK(!refused && refused.error().code == ec::blocked);
  eventually([&] {
    auto known = a().it->directory().lookup(*entry.hashes.v1);
    return known.blocked && !known.registered;
  });
}

CAF_TEST(a search is the same at every node and knows every entry) {
  fill();
  auto all = list_of(a());
  CAF_CHECK_EQUAL(all.size(), 30u);
  CAF_CHECK_EQUAL(std::set<std::string>(all.begin(), all.end()).size(), 30u);
  CAF_CHECK(list_of(b()) == all);
  CAF_CHECK(list_of(c()) == all);
  auto page = a().ask<entry_list>(a().it->shared_registry()->reader(), lookup_entries{all});
  CAF_REQUIRE(page);
  CAF_REQUIRE_EQUAL(page->entries.size(), 30u);
  for (size_t i = 0; i < all.size(); ++i)
    CAF_CHECK(page->entries[i].hashes.primary_key() == all[i]);
}

CAF_TEST(entries that do not fit one message come in several) {
  for (uint8_t n = 0; n < 60; ++n) {
    auto entry = entry_in(0x90, n);
    entry.description = entry.tags = entry.license = std::string(8000, 'x');
    CAF_REQUIRE(b().enter(entry));
  }
  std::vector<std::string> names;
  for (auto& hit : a().search(60, 0).found.hits)
    names.push_back(hit.key);
  auto page = a().ask<entry_list>(a().it->shared_registry()->reader(), lookup_entries{names});
  CAF_REQUIRE(page);
  CAF_CHECK_EQUAL(page->entries.size(), 60u);
}

CAF_TEST(counts of all nodes add up exactly) {
  auto entry = entry_in(0x90, 1);
  CAF_REQUIRE(a().enter(entry));
  eventually([&] {
    return std::all_of(nodes.begin(), nodes.end(), [&](auto& node) {
      return node->it->directory().lookup(*entry.hashes.v1).registered;
    });
  });
  for (uint32_t times = 1; times <= 3; ++times)
    for (auto& node : nodes)
      count(*node, *entry.hashes.v1, times);
  eventually([&] { return b().look(entry.hashes.primary_key()).value().completions == 18u; });
  for (auto& node : nodes)
    CAF_CHECK(node->look(entry.hashes.primary_key()).value().completions == 18u);
}

CAF_TEST(the objects of a record are at its owner and its standby) {
  auto object = a().it->objects().files().put(std::string(1'300'000, 't')).value();
  auto entry = entry_in(0x90, 1);
  entry.torrent_object = object;
  CAF_REQUIRE(a().enter(entry));
  CAF_CHECK(has(b(), object));
  CAF_CHECK(has(c(), object));
  CAF_MESSAGE("others are fetched when they are wanted, from whoever has them");
  auto other = c().it->objects().files().put("{}").value();
  CAF_CHECK(a().ask<atom::load>(a().it->shared_registry()->keeper(), fetch_object{other}));
  CAF_CHECK(a().it->objects().load(other, 100).value() == "{}");
  auto unknown = a().ask<atom::load>(a().it->shared_registry()->keeper(), fetch_object{{}});
  CAF_CHECK(!unknown && unknown.error().code == ec::not_found);
  CAF_MESSAGE("a record whose object nobody has is not taken");
  entry.torrent_object = sha256_digest{};
  auto refused = c().enter(entry);
  CAF_CHECK(!refused && refused.error().code == ec::not_found);
}

CAF_TEST(the owner dies and another takes its place) {
  fill();
  auto of_b = entry_in(0x90, 1);
  CAF_REQUIRE(c().enter(of_b));
  kill(1);
  eventually([&] { return !a().routes.is_reachable(a().routes.number_of("b")); });
  auto refused = a().enter(entry_in(0x90, 2));
  CAF_CHECK(!refused && refused.error().code == ec::unavailable);
  CAF_MESSAGE("reads go on from the standby, and say so");
  CAF_CHECK(a().look(of_b.hashes.primary_key()).value().name == of_b.name);
  auto page = a().search(50, 0);
  CAF_CHECK_EQUAL(page.found.total, 31u);
  CAF_CHECK(!page.exact);
  auto by_count = a().search(50, 0, search_sort::seeders);
  CAF_CHECK(by_count.found.total == 31u && !by_count.exact);
  CAF_MESSAGE("a write that waits finds the new owner");
  std::thread takes_over{[&] {
    std::this_thread::sleep_for(300ms);
    own(c(), 85, 169, &a());
  }};
  CAF_CHECK(a().enter(entry_in(0x90, 3)));
  takes_over.join();
  for (auto* node : {&a(), &c()}) {
    auto now = node->search(50, 0);
    CAF_CHECK_EQUAL(now.found.total, 32u);
    CAF_CHECK_EQUAL(now.staleness_s, 0u);
    CAF_CHECK(node->search(50, 0, search_sort::seeders).exact);
  }
}

CAF_TEST(without etcd writes are refused at once and reads go on) {
  auto entry = entry_in(0x90, 1);
  CAF_REQUIRE(a().enter(entry));
  CAF_CHECK(b().search(10, 0, search_sort::seeders).exact);
  etcd.kill(0);
  for (auto& node : nodes)
    node->routes.set_lease_end(mono_now());
  eventually([&] {
    return std::all_of(nodes.begin(), nodes.end(), [](auto& node) {
      return !node->it->shared_registry()->service().status().reachable;
    });
  });
  for (auto& node : nodes) {
    auto refused = node->enter(entry_in(0x90, 2));
    CAF_CHECK(!refused && refused.error().code == ec::unavailable);
    CAF_CHECK(node->look(entry.hashes.primary_key()));
    CAF_CHECK_EQUAL(node->search(10, 0).found.total, 1u);
  }
}

CAF_TEST(a node with a registry of its own does not join) {
  auto path = folder.path() / "alone";
  {
    auto store = open_store(store_config(path / "registry"));
    CAF_REQUIRE(store->commit(create_request(table::refs, "m@r", "v")));
  }
  auto store = open_store(store_config(path / "registry"));
  swarm_directory directory;
  cluster_parts parts;
  parts.start_registry = [](auto&, auto&) -> result<std::unique_ptr<cluster::registry_service>> {
    return fail(ec::unavailable);
  };
  auto refused = cluster_registry::start(parts, *store, directory);
  CAF_REQUIRE(!refused);
  CAF_CHECK_EQUAL(refused.error().code, ec::conflict);
}

CAF_TEST_FIXTURE_SCOPE_END()
