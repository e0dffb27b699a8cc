// SPDX-License-Identifier: Apache-2.0
#include "http/bulk_side.hpp"

#include "actors/link_kinds.hpp"
#include "actors/must_live.hpp"
#include "core/log.hpp"
#include "http/listener.hpp"

namespace shoal::http {

namespace {

metrics::counter& failures(metrics::registry& registry, const std::string& reason) {
  return registry.add_counter("shoal_object_relay_failures_total",
                              "Requests that other nodes' objects could not serve, by reason",
                              "reason=\"" + reason + '"');
}

std::optional<bulk_side::seat> take_seat(std::atomic<size_t>& of, size_t most) {
  if (of.fetch_add(1) < most)
    return std::optional<bulk_side::seat>{std::in_place, of};
  --of;
  return std::nullopt;
}

} // namespace

bulk_side::bulk_side(cluster_side& cluster, metrics::registry& registry)
    : bytes{registry.add_counter("shoal_object_relay_bytes_total",
                                 "Bytes of objects sent to clients that other nodes have")},
      switches{registry.add_counter("shoal_object_relay_switches_total",
                                    "Objects that went on from another node in the middle")},
      pull_bytes{registry.add_counter(
          "shoal_pull_relay_bytes_total",
          "Bytes of files sent to clients while another node pulls them from an origin")},
      pull_switches{registry.add_counter("shoal_pull_relay_switches_total",
                                         "Streams that lost the node that pulls the file")},
      strangers{registry.add_counter("shoal_bulk_strangers_total",
                                     "Connections for objects without a node's certificate")},
      cluster_{cluster}, listen_{cluster.config().bulk.listen}, busy_{failures(registry, "busy")},
      not_found_{failures(registry, "not_found")}, unavailable_{failures(registry, "unavailable")} {
  registry.add_reader("shoal_object_relays", "Objects on their way from other nodes to clients", "",
                      [this] { return double(streams_.load(std::memory_order_relaxed)); });
  registry.add_reader("shoal_pull_relays", "Files on their way to clients that other nodes pull",
                      "", [this] { return double(pulls_.load(std::memory_order_relaxed)); });
}

bulk_side::~bulk_side() {
  end_pulls();
}

void bulk_side::share_pulls(caf::actor_system& sys) {
  pull_homes_config config;
  config.links = &cluster_.links();
  config.there = [this] { return cluster_.candidates(); };
  config.self = cluster_.node_id();
  config.bulk_address = [this] { return cluster_.bulk_address(); };
  homes_ = sys.spawn<pull_homes>(config);
  must_live(homes_, "pull_homes");
  homes_mail_ = std::make_shared<late_mail>(homes_);
  cluster_.links().serve(
      link_kind::pull_place,
      [mail = homes_mail_](const cluster::link_message& x, const cluster::link_reply& reply) {
        if (x.is_request)
          mail->send(
              link_question{std::string{x.from}, x.kind, std::string{x.body}, x.deadline, reply});
      });
}

void bulk_side::end_pulls() {
  if (!homes_)
    return;
  homes_mail_->close();
  caf::anon_send_exit(homes_, caf::exit_reason::user_shutdown);
  homes_ = nullptr;
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
  return take_seat(streams_, limits::object_relays_max);
}

std::optional<bulk_side::seat> bulk_side::enter_pull() {
  return take_seat(pulls_, limits::pull_relays_max);
}

void bulk_side::count_failure(const error& why) {
  auto& counter = why.code == ec::busy        ? busy_
                  : why.code == ec::not_found ? not_found_
                                              : unavailable_;
  counter.add();
}

} // namespace shoal::http
