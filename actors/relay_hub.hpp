// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/link_kinds.hpp"
#include "cluster/link.hpp"
#include "cluster/slot_routes.hpp"
#include "cluster/traffic_flaw.hpp"
#include "core/metrics.hpp"

#include <thread>

namespace shoal {

/// Something that came over a link, for an edge.
struct relay_parcel {
  enum class what : uint8_t { announces, answers, scrapes, scraped };
  what kind = what::announces;
  cluster::node_number from = cluster::nobody;
  std::string body;
  std::optional<cluster::link_reply> reply; ///< To scrapes.
  std::optional<error> failure;             ///< Of what this edge asked.
  uint64_t asked = 0;                       ///< Its number for that.
};

/// Where an edge takes parcels from. Filled by any thread.
class relay_inbox {
public:
  /// @param wake makes the edge's thread look here soon; called from any thread.
  explicit relay_inbox(std::function<void()> wake) : wake_{std::move(wake)} {}

  /// @returns false if there is no room (limits::relay_inbox_bytes_max), or it is closed.
  bool put(relay_parcel x);

  /// The edge is gone: nothing is taken and nobody is woken any more.
  void close();

  std::vector<relay_parcel> take();

  /// Has the edge look at what waits for an answer, if anything does.
  void poke();

  /// How many announces and scrapes of the edge wait for another node. Written by the edge.
  std::atomic<size_t> waiting{0};

private:
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<relay_parcel> parcels_;
  size_t bytes_ = 0;
  bool closed_ = false;
};

/// What relays count.
struct relay_metrics {
  metrics::counter sent;     ///< Announces to other nodes, again and again included.
  metrics::counter batches;  ///< Messages that they went in.
  metrics::counter served;   ///< Announces of other nodes that were answered here.
  metrics::counter stood_in; ///< Announces sent to, or answered as, a standby.
  metrics::counter resent;   ///< Announces whose first answer did not come.
  metrics::counter lost;     ///< Announces answered without peers, as nobody else did.
  metrics::counter dropped;  ///< Parcels for which there was no room, or which did not decode.
};

/// The node's part of what edges say to other nodes' swarms: gives what comes over the links to
/// the edges, and reminds them of what waits. Thread-safe.
class relay_hub {
public:
  /// Begins to serve. @param between, routes outlive it. @param whole_ids see link_announce.
  relay_hub(cluster::links& between, cluster::slot_routes& routes, bool whole_ids,
            metrics::registry& registry);
  ~relay_hub();

  /// Starts the thread that reminds. Without it somebody else calls `remind`.
  void start();

  /// Has every edge look at what waits: each defaults::relay_reminder_period.
  void remind();

  const cluster::slot_routes& routes() const { return routes_; }
  bool whole_ids() const { return whole_ids_; }
  relay_metrics& metrics() { return *metrics_; }

  /// For all edges. Only tests set it.
  cluster::traffic_flaw broken = cluster::traffic_flaw::none;

  /// @returns the edge's number, 0..255.
  uint8_t add(std::shared_ptr<relay_inbox> edge);
  void remove(const std::shared_ptr<relay_inbox>& edge);

  void tell(cluster::node_number to, uint16_t kind, std::string body) {
    between_.tell(routes_.name_of(to), kind, std::move(body));
  }

  /// The answer comes as a parcel `scraped` with that number.
  void ask_scrape(cluster::node_number to, std::string body, mono_time deadline,
                  const std::shared_ptr<relay_inbox>& edge, uint64_t asked);

private:
  struct desk;

  void serve();
  void add_metrics(metrics::registry& registry);

  cluster::links& between_;
  cluster::slot_routes& routes_;
  const bool whole_ids_;
  std::shared_ptr<relay_metrics> metrics_;
  std::shared_ptr<desk> desk_; // Handlers of the links may outlive this.
  std::thread reminder_;
};

} // namespace shoal
