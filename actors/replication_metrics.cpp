// SPDX-License-Identifier: Apache-2.0
#include "actors/replication.hpp"

namespace shoal {

void add_replication_metrics(metrics::registry& to, const replication& of) {
  using numbers = replication::numbers;
  auto add = [&](const char* name, const char* help, const char* kind, auto read) {
    to.add_reader(
        name, help, "", [&of, read] { return double(read(of.report())); }, kind);
  };
  add("shoal_replication_lag_seconds", "Age of the oldest fact that a standby has not acknowledged",
      "gauge", [](const numbers& x) { return double(x.lag.age.count()) / 1000; });
  add("shoal_replication_lag_bytes", "Facts that standbys have not acknowledged", "gauge",
      [](const numbers& x) { return x.lag.bytes; });
  add("shoal_replication_full_syncs_total", "Full syncs of slots that began here", "counter",
      [](const numbers& x) { return x.sent.syncs; });
  add("shoal_replication_facts_total", "Facts written for standbys", "counter",
      [](const numbers& x) { return x.sent.facts; });
  add("shoal_replication_batches_total", "Batches of facts sent to standbys", "counter",
      [](const numbers& x) { return x.sent.batches; });
  add("shoal_replication_resent_total", "Batches that were sent once more", "counter",
      [](const numbers& x) { return x.sent.resent; });
  add("shoal_replication_heard_total", "Batches that came from owners", "counter",
      [](const numbers& x) { return x.batches_heard; });
  add("shoal_standby_slots", "Slots of other nodes that are copied here", "gauge",
      [](const numbers& x) { return x.copies.slots; });
  add("shoal_standby_slots_whole", "Those of them whose copy is whole", "gauge",
      [](const numbers& x) { return x.copies.whole; });
  add("shoal_standby_swarms", "Swarms in these copies", "gauge",
      [](const numbers& x) { return x.copies.swarms; });
  add("shoal_standby_peers", "Peers in these copies", "gauge",
      [](const numbers& x) { return x.copies.peers; });
  add("shoal_replication_takeovers_total", "Slots that were taken over with a copy", "counter",
      [](const numbers& x) { return x.takeovers; });
  add("shoal_replication_strays_total", "Swarms whose peers were given to the slot's owner",
      "counter", [](const numbers& x) { return x.strays_given; });
}

} // namespace shoal
