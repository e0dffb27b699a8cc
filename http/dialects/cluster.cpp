// SPDX-License-Identifier: Apache-2.0
// The cluster as this node sees it, and what an operator asks of it.
#include "actors/cluster_side.hpp"
#include "http/dialects/handlers.hpp"
#include "http/json_body.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace shoal::http {

namespace {

using cluster::cluster_sight;
using cluster::link_peer_numbers;
using cluster::link_report;
using cluster::seen_node;
using cluster::slot_role;
using json_object = nlohmann::ordered_json;

json_object etcd_json(const coordination::etcd_health& x) {
  return {{"reachable", x.reachable},    {"endpoint", x.endpoint}, {"requests", x.requests},
          {"watches", x.watches},        {"connects", x.connects}, {"failovers", x.failovers},
          {"connections", x.connections}};
}

json_object lease_json(const cluster_sight& sight, mono_time now) {
  // Without a lease the time is the least there is, from which nothing can be subtracted.
  auto until = std::max(sight.acts_until, now);
  auto left = std::chrono::duration<double>(until - now).count();
  auto held = sight.holds_lease && left > 0;
  return {{"held", held}, {"remaining_s", held ? std::round(left * 1000) / 1000 : 0}};
}

json_object slots_json(const cluster_sight& sight) {
  auto count
      = [&](auto wanted) { return std::count_if(sight.slots.begin(), sight.slots.end(), wanted); };
  return {{"total", slot_count},
          {"owned", count([](auto& x) { return x.role == slot_role::owner; })},
          {"standing_by", count([](auto& x) { return x.role == slot_role::standby; })},
          {"unowned", count([](auto& x) { return x.owner.empty(); })},
          {"misplaced", sight.misplaced}};
}

/// How the link with a node is; null for this node itself.
void add_link(json_object& to, const std::string& node, const std::string& self,
              const link_report& links) {
  to["linked"] = nullptr;
  to["round_trip_ms"] = nullptr;
  if (node == self)
    return;
  auto is_it = [&](const link_peer_numbers& x) { return x.link.node == node; };
  auto found = std::find_if(links.peers.begin(), links.peers.end(), is_it);
  to["linked"] = found != links.peers.end() && found->is_up;
  if (found == links.peers.end() || found->link.smoothed_round_trip.count() == 0)
    return;
  auto ms = std::chrono::duration<double, std::milli>(found->link.smoothed_round_trip).count();
  to["round_trip_ms"] = std::round(ms * 1000) / 1000;
}

json_object node_json(const seen_node& node, const cluster_sight& sight, const std::string& self,
                      const link_report& links) {
  auto& x = node.record;
  auto count = [&](auto which) {
    return std::count_if(sight.slots.begin(), sight.slots.end(),
                         [&](auto& slot) { return slot.*which == x.id; });
  };
  json_object made{{"id", x.id},
                   {"incarnation", fmt::format("{:016x}", x.incarnation)},
                   {"zone", x.zone},
                   {"weight", x.weight},
                   {"version", x.version},
                   {"addresses", x.addresses},
                   {"draining", node.is_draining},
                   {"leaving", x.leaving}};
  made["url"] = x.url;
  add_link(made, x.id, self, links);
  made["slots_owned"] = count(&cluster::seen_slot::owner);
  made["slots_standing_by"] = count(&cluster::seen_slot::standby);
  return made;
}

json_object to_json(const cluster_side& side, cluster_admin& admin) {
  auto sight = admin.sight();
  auto links = admin.link_report();
  auto& self = admin.self();
  auto nodes = json_object::array();
  for (auto& node : sight->nodes)
    nodes.push_back(node_json(node, *sight, self, *links));
  return {{"mode", "cluster"},
          {"cluster_id", side.cluster_id()},
          {"node", self},
          {"joined", sight->joined},
          {"etcd", etcd_json(sight->etcd)},
          {"lease", lease_json(*sight, mono_now())},
          {"slots", slots_json(*sight)},
          {"drains", sight->drains},
          {"nodes", std::move(nodes)}};
}

json_object slot_list(cluster_admin& admin) {
  auto sight = admin.sight();
  static constexpr std::array roles{"none", "owner", "standby"};
  auto slots = json_object::array();
  for (size_t i = 0; i < sight->slots.size(); ++i) {
    auto& x = sight->slots[i];
    slots.push_back({{"slot", i},
                     {"owner", x.owner},
                     {"standby", x.standby},
                     {"epoch", x.epoch},
                     {"target_owner", x.target_owner},
                     {"target_standby", x.target_standby},
                     {"role", roles[static_cast<size_t>(x.role)]}});
  }
  return {{"node", admin.self()}, {"slots", std::move(slots)}};
}

response no_cache(const json_object& body) {
  return json(200, dump_json(body)).with("Cache-Control", "no-store");
}

response alone() {
  return json_error(ec::not_found, "this node is in no cluster");
}

result<std::string> node_of_query(const exchange& ex) {
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  auto node = params->get("node");
  if (!node || node->empty())
    return fail(ec::missing_argument, "'node'");
  return std::string{*node};
}

/// Only operators get here: they are told what is wrong in so many words.
response refusal(const error& err) {
  auto r = json_error(err);
  if (r.status >= 500 && !err.detail.empty())
    r.body = nlohmann::json{{"error", err.detail}}.dump(-1, ' ', false,
                                                        nlohmann::json::error_handler_t::replace);
  return r;
}

/// @returns as cluster_admin::objects_left, of any node.
result<std::optional<uint64_t>> objects_left(const node& of, const std::string& name) {
  auto& admin = of.cluster()->admin();
  auto* registry = of.shared_registry();
  auto* duties = registry ? registry->duties() : nullptr;
  if (name == admin.self() && duties)
    return duties->to_hand_over();
  return admin.objects_left(name);
}

task<> set_drain(exchange& ex, bool yes) {
  auto* side = ex.node().cluster();
  auto node = node_of_query(ex);
  if (!side || !node) {
    auto refused = side ? json_error(node.error()) : alone();
    co_await ex.send(std::move(refused));
    co_return;
  }
  // It waits for etcd.
  auto work = [&admin = side->admin(), node = *node, yes] { return admin.drain(node, yes); };
  auto drained = co_await ex.on_disk(std::move(work));
  if (drained) {
    json_object body{{"node", *node}, {"draining", yes}};
    co_await ex.send(no_cache(body));
  } else {
    co_await ex.send(refusal(drained.error()));
  }
}

} // namespace

task<> cluster_status(exchange& ex) {
  auto* side = ex.node().cluster();
  json_object body{{"mode", "single"}};
  if (side)
    body = to_json(*side, side->admin());
  co_await ex.send(no_cache(body));
}

task<> cluster_slots(exchange& ex) {
  auto* side = ex.node().cluster();
  auto answer = side ? no_cache(slot_list(side->admin())) : alone();
  co_await ex.send(std::move(answer));
}

task<> cluster_drain(exchange& ex) {
  co_await set_drain(ex, true);
}

task<> cluster_drain_state(exchange& ex) {
  auto* side = ex.node().cluster();
  auto node = node_of_query(ex);
  if (!side || !node) {
    auto refused = side ? json_error(node.error()) : alone();
    co_await ex.send(std::move(refused));
    co_return;
  }
  // It waits for that node.
  auto work = [&of = ex.node(), node = *node] { return objects_left(of, node); };
  auto left = co_await ex.on_disk(std::move(work));
  if (!left) {
    co_await ex.send(refusal(left.error()));
    co_return;
  }
  json_object body{{"node", *node}, {"objects", nullptr}};
  if (*left)
    body["objects"] = **left;
  co_await ex.send(no_cache(body));
}

task<> cluster_undrain(exchange& ex) {
  co_await set_drain(ex, false);
}

task<> cluster_rebalance(exchange& ex) {
  auto* side = ex.node().cluster();
  if (!side) {
    co_await ex.send(alone());
    co_return;
  }
  auto work = [&admin = side->admin()] { return admin.rebalance(); };
  auto hurried = co_await ex.on_disk(std::move(work));
  if (!hurried) {
    co_await ex.send(refusal(hurried.error()));
    co_return;
  }
  json_object body{{"asked", hurried->asked}, {"unreached", hurried->unreached}};
  co_await ex.send(no_cache(body));
}

} // namespace shoal::http
