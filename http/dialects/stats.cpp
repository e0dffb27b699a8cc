// SPDX-License-Identifier: Apache-2.0
// Live statistics: of the node for everybody, of one swarm for its operator.
#include "actors/cluster_side.hpp"
#include "http/credentials.hpp"
#include "http/dialects/handlers.hpp"
#include "http/json_body.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace shoal::http {

namespace {

using json_object = nlohmann::ordered_json;

/// Addresses in the description of one swarm.
constexpr uint32_t described_addresses_max = 1000;

/// Clients listed by name; the rest is summed up.
constexpr size_t clients_max = 50;

struct store_totals {
  uint64_t torrents = 0;
  object_files::totals objects;
};

store_totals count_store(const shoal::node& node, const object_store& objects) {
  auto entries = node.store().count(table::entries);
  return {entries.value_or(0), objects.usage().all()};
}

json_object by_transport(const tracker_gate& gate) {
  json_object all = json_object::object();
  for (auto t : {transport::http, transport::udp, transport::ws}) {
    auto n = gate.totals(t);
    all[std::string{name(t)}] = {{"announces_ipv4", n.announces4},
                                 {"announces_ipv6", n.announces6},
                                 {"scrapes", n.scrapes},
                                 {"refused", n.refused},
                                 {"bytes_received", n.bytes_received},
                                 {"bytes_sent", n.bytes_sent}};
  }
  return all;
}

json_object by_client(const census_totals& census, const client_names& names) {
  std::vector<std::pair<uint64_t, size_t>> found;
  for (size_t i = 0; i < census.clients.size(); ++i)
    if (census.clients[i] != 0)
      found.emplace_back(census.clients[i], i);
  std::sort(found.rbegin(), found.rend());
  json_object all = json_object::object();
  uint64_t others = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    auto [count, number] = found[i];
    auto name = names.name_of(static_cast<uint8_t>(number));
    if (i < clients_max && number != client_names::others && !name.empty())
      all[name] = count;
    else
      others += count;
  }
  if (others != 0)
    all["others"] = others;
  return all;
}

json_object top_swarms(const census_totals& census) {
  auto all = json_object::array();
  for (auto& swarm : census.top)
    all.push_back({{"info_hash", swarm.hash.hex()},
                   {"seeders", swarm.counts.seeders},
                   {"leechers", swarm.counts.leechers},
                   {"completed", swarm.counts.completed},
                   {"registered", swarm.rank == eviction_rank::registered}});
  return all;
}

/// A node without any key has nothing to hide; elsewhere info-hashes may be private.
bool may_see_hashes(const exchange& ex) {
  auto& config = ex.config();
  return has_admin_key(ex)
         || (config.admin_key.empty() && config.registry_key.empty()
             && ex.srv().gate.secrets().empty());
}

std::string_view word(peer_state state) {
  return state == peer_state::seeder    ? "seeder"
         : state == peer_state::leecher ? "leecher"
                                        : "partial";
}

json_object to_json(const described_peer& peer) {
  return {{"address", peer.address.str()},
          {"state", word(peer.state)},
          {"silent_s", peer.silent_s},
          {"client", peer.client},
          {"second_address", peer.second_address}};
}

json_object policy_json(const policy_config& policy) {
  auto names = policy.names.empty() ? std::vector<std::string>{"random"} : policy.names;
  return {{"order", names},
          {"random_percent", names.front() == "random" ? 100 : policy.mix_percent}};
}

json_object to_json(const info_hash& hash, const admission& known, const swarm_description& swarm,
                    const policy_config& policy) {
  auto peers = json_object::array();
  for (auto& peer : swarm.peers)
    peers.push_back(to_json(peer));
  return {{"info_hash", hash.hex()},
          {"registered", known.registered},
          {"blocked", known.blocked},
          {"seeders", swarm.numbers.complete},
          {"leechers", swarm.numbers.incomplete},
          {"downloaders", swarm.numbers.downloaders},
          {"completed", swarm.numbers.downloaded},
          {"connected", swarm.connected},
          {"interval_s", swarm.interval_s},
          {"age_s", swarm.age_s},
          {"silent_s", swarm.silent_s},
          {"restored", swarm.restored},
          {"memory_bytes", swarm.memory_bytes},
          {"policy", policy_json(policy)},
          {"addresses", swarm.addresses},
          {"peers", std::move(peers)}};
}

} // namespace

task<> stats(exchange& ex) {
  auto* node = &ex.node();
  auto count = [node] { return count_store(*node, node->objects()); };
  auto totals = co_await ex.on_disk(count);
  list_models only_count;
  auto models = co_await ex.ask<model_list>(node->catalog(), std::move(only_count), true);
  auto& directory = node->directory();
  auto& gate = ex.srv().gate;
  auto census = node->census().totals(mono_now());
  json_object doc{{"version", SHOAL_VERSION},
                  {"uptime_s", node->coarse_now()},
                  {"models", models ? models->total : 0},
                  {"torrents", totals.torrents},
                  {"swarms", directory.swarm_count()},
                  {"peers", directory.peer_count()},
                  {"blocked", directory.blocked_count()},
                  {"objects", totals.objects.count},
                  {"object_bytes", totals.objects.bytes},
                  {"announces", gate.announces()},
                  {"scrapes", gate.scrapes()},
                  {"file_bytes_sent", ex.srv().metrics.bytes_sent.value()},
                  {"transports", by_transport(gate)},
                  {"addresses",
                   {{"ipv4", census->addresses4},
                    {"ipv6", census->addresses6},
                    {"websocket", census->connected}}},
                  {"clients", by_client(*census, node->clients())}};
  if (may_see_hashes(ex))
    doc["top_swarms"] = top_swarms(*census);
  co_await ex.send(json(200, dump_json(doc)).with("Cache-Control", "no-store"));
}

task<> swarm_details(exchange& ex) {
  auto hash = info_hash::from_hex(ex.param("hash"));
  if (auto full = sha256_digest::from_hex(ex.param("hash")))
    hash = truncate(*full);
  if (!hash) {
    error wrong{ec::invalid_argument, "the info-hash must be 40 or 64 hex digits"};
    co_await ex.send(json_error(wrong));
    co_return;
  }
  auto known = ex.node().directory().lookup(*hash);
  result<swarm_description> swarm = fail(ec::not_found);
  auto* cluster = ex.node().cluster();
  if (cluster && !cluster->swarms().is_here(*hash)) {
    describe_far_swarm question{*hash, described_addresses_max};
    auto answer = co_await ex.ask<swarm_description>(cluster->swarms().far(), question);
    swarm = std::move(answer);
  } else if (known.swarm) {
    describe_swarm question{described_addresses_max};
    auto answer = co_await ex.ask<swarm_description>(known.swarm, question);
    swarm = std::move(answer);
  }
  if (!swarm) {
    co_await ex.send(json_error(swarm.error()));
    co_return;
  }
  auto body = to_json(*hash, known, *swarm, ex.node().policy());
  co_await ex.send(json(200, dump_json(body)).with("Cache-Control", "no-store"));
}

} // namespace shoal::http
