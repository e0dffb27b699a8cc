// SPDX-License-Identifier: Apache-2.0
#include "actors/agent_book.hpp"
#include "actors/node.hpp"
#include "persistence/upload_book.hpp"

namespace shoal {

void node::add_metrics(metrics::registry& metrics) {
  metrics.add_reader("tracker_registered_torrents", "Total number of torrents in registry", "",
                     [this] {
                       auto n = store_->count(table::entries);
                       return n ? double(*n) : 0.0;
                     });
  metrics.add_reader("tracker_active_peers", "Current number of active peers in memory", "",
                     [this] { return double(directory_.peer_count()); });
  // Without a type: the name that dashboards know ends in _total although it goes down, too.
  metrics.add_reader(
      "tracker_swarms_total", "Total number of active swarms", "",
      [this] { return double(directory_.swarm_count()); }, "");
  metrics.add_reader("shoal_blocked_hashes", "Info-hashes on the blocklist", "",
                     [this] { return double(directory_.blocked_count()); });
  metrics.add_reader("shoal_store_map_bytes", "Current size of the LMDB map", "",
                     [this] { return double(store_->stats().map_bytes); });
  metrics.add_reader("shoal_store_map_max_bytes", "Bound of the LMDB map", "",
                     [this] { return double(store_->stats().max_map_bytes); });
  metrics.add_reader("shoal_store_used_bytes", "Bytes of the LMDB map in use", "",
                     [this] { return double(store_->stats().used_bytes); });
  metrics.add_reader("shoal_store_healthy", "1 while the last write succeeded", "",
                     [this] { return store_->stats().healthy ? 1.0 : 0.0; });
  metrics.add_reader(
      "shoal_store_corrupt_values_total", "Damaged values met", "",
      [this] { return double(store_->stats().corrupt_values); }, "counter");
  add_object_metrics(metrics);
  add_upload_metrics(metrics);
  add_agent_metrics(metrics);
  add_swarm_metrics(metrics);
}

void node::add_upload_metrics(metrics::registry& metrics) {
  metrics.add_reader("shoal_uploads", "Objects that have come in part", "",
                     [this] { return double(uploads_->usage().count); });
  metrics.add_reader("shoal_upload_bytes", "Room that is taken for them", "",
                     [this] { return double(uploads_->usage().bytes); });
  metrics.add_reader(
      "shoal_uploads_expired_total", "Uploads in part that got no bytes for too long", "",
      [this] { return double(uploads_->usage().expired); }, "counter");
  metrics.add_reader(
      "shoal_uploads_resumed_total", "Times that an upload went on where it had been", "",
      [this] { return double(uploads_->usage().resumed); }, "counter");
}

void node::add_agent_metrics(metrics::registry& metrics) {
  metrics.add_reader("shoal_agents", "Agents that are connected", "",
                     [this] { return double(agents_->count()); });
  metrics.add_reader("shoal_agent_capacity_bytes_per_second", "What they can give together", "",
                     [this] { return double(agents_->capacity_bytes_per_second()); });
  metrics.add_reader(
      "shoal_agent_reports_total", "What agents have said of themselves", "",
      [this] { return double(agents_->reports()); }, "counter");
}

void node::add_object_metrics(metrics::registry& metrics) {
  using totals = object_store::totals;
  auto show = [&](const char* name, const char* help, const char* labels, auto read,
                  const char* kind = "gauge") {
    metrics.add_reader(
        name, help, labels, [this, read] { return double(read(objects_->usage())); }, kind);
  };
  show("shoal_object_bytes", "Bytes of all objects", "",
       [](const totals& x) { return x.all().bytes; });
  show("shoal_objects", "Objects here", "", [](const totals& x) { return x.all().count; });
  auto parts = [&](const char* label, object_files::totals totals::*part) {
    show("shoal_object_part_bytes", "Bytes of objects, by why they are here", label,
         [part](const totals& x) { return (x.*part).bytes; });
    show("shoal_object_part_objects", "Objects, by why they are here", label,
         [part](const totals& x) { return (x.*part).count; });
  };
  parts("part=\"kept\"", &totals::kept);
  parts("part=\"cached\"", &totals::cached);
  parts("part=\"in_place\"", &totals::in_place);
  show("shoal_object_cache_bytes", "Bytes of cached objects, with room for what is on its way", "",
       [](const totals& x) { return x.cache_bytes; });
  show("shoal_object_cache_max_bytes", "Bound of shoal_object_cache_bytes", "",
       [](const totals& x) { return x.cache_bytes_max; });
  show("shoal_objects_lost", "Objects that are pinned and not here", "",
       [](const totals& x) { return x.lost; });
  if (auto* owed = shared_registry_ ? shared_registry_->duties() : nullptr) {
    metrics.add_reader("shoal_objects_under_replicated",
                       "Objects that this node has or is to have, with too few copies", "",
                       [owed] { return double(owed->under_replicated()); });
    metrics.add_reader("shoal_objects_wanted", "Objects that this node is to have and has not", "",
                       [owed] { return double(owed->wanted()); });
    metrics.add_reader("shoal_objects_to_hand_over",
                       "Objects that this node, while it drains, is to see at others yet", "",
                       [owed] { return double(owed->to_hand_over().value_or(0)); });
    metrics.add_reader("shoal_manifests_awaited", "Revisions whose manifest has never been here",
                       "", [this] { return double(claims_->unread()); });
  }
  show(
      "shoal_objects_evicted_total", "Objects that left the cache to make room", "",
      [](const totals& x) { return x.evicted; }, "counter");
  show(
      "shoal_objects_quarantined_total", "Objects put aside because their bytes were wrong", "",
      [](const totals& x) { return x.quarantined; }, "counter");
  show(
      "shoal_object_scrubbed_bytes_total", "Bytes read to verify objects", "",
      [](const totals& x) { return x.scrubbed_bytes; }, "counter");
}

void node::add_swarm_metrics(metrics::registry& metrics) {
  auto& c = swarm_config_;
  auto count = [&metrics](const char* name, const char* help, const std::string& labels,
                          const metrics::counter& from) {
    metrics.add_reader(
        name, help, labels, [&from] { return double(from.value()); }, "counter");
  };
  metrics.add_reader("shoal_swarms_max", "Bound of swarms that are not registered", "",
                     [&c] { return double(c.bounds.config().swarms_max); });
  metrics.add_reader("shoal_peers_max", "Bound of peers in all swarms", "",
                     [&c] { return double(c.bounds.config().peers_max); });
  metrics.add_reader("shoal_swarm_memory_bytes", "What swarms and peers take, reckoned", "",
                     [&c] { return double(c.bounds.memory()); });
  metrics.add_reader("shoal_swarm_memory_max_bytes", "What they take at their bounds", "",
                     [&c] { return double(c.bounds.memory_max()); });
  metrics.add_reader("shoal_swarm_addresses_max", "Bound of addresses in one swarm", "",
                     [&c] { return double(c.peers.addresses_max); });
  metrics.add_reader("shoal_interval_load", "Factor by which load makes intervals longer", "",
                     [&c] { return double(c.intervals.load_permille()) / 1000; });
  metrics.add_reader("shoal_edges_busy_ratio", "Share of time in which I/O threads have work", "",
                     [&c] { return c.edges.busy_share(); });
  metrics.add_reader("shoal_swarm_budget_buckets", "Addresses whose new swarms are counted", "",
                     [&c] { return double(c.bounds.budget_buckets()); });
  metrics.add_reader("shoal_swarm_budget_buckets_max", "Bound of shoal_swarm_budget_buckets", "",
                     [] { return double(rate_limiter::buckets_max); });
  count("shoal_swarms_refused_total", "New swarms refused, by reason", "reason=\"budget\"",
        c.bounds.over_budget);
  count("shoal_swarms_refused_total", "New swarms refused, by reason", "reason=\"full\"",
        c.bounds.refused_full);
  for (size_t i = 0; i < eviction_rank_count; ++i)
    count("shoal_swarms_evicted_total", "Swarms evicted to make room, by rank",
          "rank=\"" + std::string{name(static_cast<eviction_rank>(i))} + "\"", c.bounds.evicted[i]);
}

} // namespace shoal
