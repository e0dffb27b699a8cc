// SPDX-License-Identifier: Apache-2.0
#include "actors/cluster_metrics.hpp"

#include <algorithm>

namespace shoal {

namespace {

using cluster::cluster_sight;
using cluster::seen_slot;
using cluster::slot_role;
using sink = metrics::registry::sink;

double count_slots(const cluster_sight& sight, auto is_counted) {
  return double(std::count_if(sight.slots.begin(), sight.slots.end(), is_counted));
}

/// What is read of the member's view.
class family_adder {
public:
  family_adder(metrics::registry& to, const cluster::member& from) : to_{to}, from_{from} {}

  void add(std::string_view name, std::string_view help, auto read,
           std::string_view kind = "gauge") {
    auto* from = &from_;
    to_.add_reader(
        name, help, {}, [from, read] { return double(read(*from->view())); }, kind);
  }

  /// A series for each slot that this node owns or stands by for.
  void add_slots(std::string_view name, std::string_view help, auto show) {
    auto* from = &from_;
    to_.add_collector(name, help, "gauge", [from, show](const sink& out) {
      auto sight = from->view();
      for (size_t i = 0; i < sight->slots.size(); ++i) {
        auto& slot = sight->slots[i];
        if (slot.role != slot_role::none)
          show(out, "slot=\"" + std::to_string(i) + '"', slot);
      }
    });
  }

private:
  metrics::registry& to_;
  const cluster::member& from_;
};

void add_slot_metrics(family_adder& to) {
  to.add("shoal_cluster_slots_owned", "Slots that this node owns", [](auto& sight) {
    return count_slots(sight, [](auto& slot) { return slot.role == slot_role::owner; });
  });
  to.add("shoal_cluster_slots_standby", "Slots that this node stands by for", [](auto& sight) {
    return count_slots(sight, [](auto& slot) { return slot.role == slot_role::standby; });
  });
  to.add("shoal_cluster_slots_unowned", "Slots that nobody owns", [](auto& sight) {
    return count_slots(sight, [](auto& slot) { return slot.owner.empty(); });
  });
  to.add("shoal_cluster_slots_misplaced", "Slots whose owner or standby is not who it should be",
         [](auto& sight) { return sight.misplaced; });
  to.add_slots("shoal_cluster_slot_epoch", "Epoch of each slot of this node",
               [](const sink& out, const std::string& slot, const seen_slot& x) {
                 out(slot, double(x.epoch));
               });
  to.add_slots("shoal_cluster_slot_role", "What this node is for each of its slots",
               [](const sink& out, const std::string& slot, const seen_slot& x) {
                 out(slot + (x.role == slot_role::owner ? ",role=\"owner\"" : ",role=\"standby\""),
                     1);
               });
}

void add_etcd_metrics(family_adder& to) {
  to.add("shoal_etcd_reachable", "Whether some endpoint of etcd answers",
         [](auto& sight) { return sight.etcd.reachable; });
  to.add("shoal_etcd_requests", "Requests to etcd without an answer",
         [](auto& sight) { return sight.etcd.requests; });
  to.add("shoal_etcd_watches", "Watches of etcd", [](auto& sight) { return sight.etcd.watches; });
  to.add("shoal_etcd_connections", "Connections to etcd for requests, in use and idle",
         [](auto& sight) { return sight.etcd.connections; });
  to.add(
      "shoal_etcd_connects_total", "Connections to etcd that were begun",
      [](auto& sight) { return sight.etcd.connects; }, "counter");
  to.add(
      "shoal_etcd_failovers_total", "How often another endpoint of etcd became the preferred one",
      [](auto& sight) { return sight.etcd.failovers; }, "counter");
}

/// A series for each endpoint of etcd of which `show` has something to say.
void add_endpoint_metrics(metrics::registry& to, const cluster::member& from) {
  auto add = [&](std::string_view name, std::string_view help, std::string_view kind, auto show) {
    to.add_collector(name, help, kind, [from = &from, show](const sink& out) {
      auto sight = from->view();
      for (auto& x : sight->etcd.endpoints)
        if (std::optional<double> value = show(x))
          out("endpoint=" + metrics::quoted(x.endpoint), *value);
    });
  };
  using seen = coordination::etcd_endpoint_health;
  add("shoal_etcd_endpoint_up", "Whether the endpoint of etcd answered when it was asked last",
      "gauge",
      [](const seen& x) { return x.up ? std::optional{*x.up ? 1.0 : 0.0} : std::nullopt; });
  add("shoal_etcd_endpoint_preferred", "Whether requests go to the endpoint of etcd", "gauge",
      [](const seen& x) { return x.preferred ? 1.0 : 0.0; });
  add("shoal_etcd_endpoint_failures_total", "How often the endpoint of etcd did not answer",
      "counter", [](const seen& x) { return double(x.failures); });
}

} // namespace

void add_cluster_metrics(metrics::registry& registry, const cluster::member& member,
                         const cluster::slot_routes& routes) {
  family_adder to{registry, member};
  to.add("shoal_cluster_nodes", "Nodes that are there, this one included",
         [](auto& sight) { return sight.nodes.size(); });
  add_slot_metrics(to);
  add_etcd_metrics(to);
  add_endpoint_metrics(registry, member);
  registry.add_reader("shoal_cluster_lease_held", "Whether this node holds its lease", {},
                      [&routes] { return routes.holds_lease(mono_now()) ? 1.0 : 0.0; });
}

} // namespace shoal
