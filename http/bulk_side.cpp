// SPDX-License-Identifier: Apache-2.0
#include "http/bulk_side.hpp"

#include "core/log.hpp"
#include "http/listener.hpp"

namespace shoal::http {

namespace {

metrics::counter& failures(metrics::registry& registry, const std::string& reason) {
  return registry.add_counter("shoal_object_relay_failures_total",
                              "Requests that other nodes' objects could not serve, by reason",
                              "reason=\"" + reason + '"');
}

} // namespace

bulk_side::bulk_side(cluster_side& cluster, metrics::registry& registry)
    : bytes{registry.add_counter("shoal_object_relay_bytes_total",
                                 "Bytes of objects sent to clients that other nodes have")},
      switches{registry.add_counter("shoal_object_relay_switches_total",
                                    "Objects that went on from another node in the middle")},
      strangers{registry.add_counter("shoal_bulk_strangers_total",
                                     "Connections for objects without a node's certificate")},
      cluster_{cluster}, listen_{cluster.config().bulk.listen}, busy_{failures(registry, "busy")},
      not_found_{failures(registry, "not_found")}, unavailable_{failures(registry, "unavailable")} {
  registry.add_reader("shoal_object_relays", "Objects on their way from other nodes to clients", "",
                      [this] { return double(streams_.load(std::memory_order_relaxed)); });
}

result<void> bulk_side::prepare() {
  auto usable = usable_addresses({listen_});
  return usable ? load() : tl::unexpected{usable.error()};
}

result<void> bulk_side::load() {
  auto& links = cluster_.config().links;
  if (links.insecure)
    return {};
  auto made = cluster::make_link_context(links.files);
  if (!made)
    return tl::unexpected{made.error()};
  std::lock_guard guard{mutex_};
  context_ = std::move(*made);
  return {};
}

cluster::link_context bulk_side::context() const {
  std::lock_guard guard{mutex_};
  return context_;
}

void bulk_side::set_port(uint16_t port) {
  if (!cluster_.bulk_address().empty())
    return;
  listen_.port = port;
  cluster_.set_bulk_port(port);
  log::info("bulk", "serves objects to other nodes address={} as={}", listen_.str(),
            cluster_.bulk_address());
}

std::optional<bulk_side::seat> bulk_side::enter() {
  if (streams_.fetch_add(1) < limits::object_relays_max)
    return std::optional<seat>{std::in_place, *this};
  --streams_;
  return std::nullopt;
}

void bulk_side::count_failure(const error& why) {
  auto& counter = why.code == ec::busy        ? busy_
                  : why.code == ec::not_found ? not_found_
                                              : unavailable_;
  counter.add();
}

} // namespace shoal::http
