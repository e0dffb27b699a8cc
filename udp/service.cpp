// SPDX-License-Identifier: Apache-2.0
#include "udp/service.hpp"

#include "udp/datagram.hpp"
#include "udp/guest.hpp"

namespace shoal::udp {

namespace {

/// Error packets per second and address to whom nothing vouches for, and at once. A client that
/// reconnects needs one; the rest is for those behind one NAT.
constexpr double errors_per_second = 2;
constexpr double errors_at_once = 10;

/// A passkey is good for scrapes for so many announce intervals.
constexpr unsigned vouched_intervals = 2;

} // namespace

service::service(udp_config config, tracker_gate& gate, const swarm_directory& directory,
                 const hash_key& secret, metrics::registry& registry)
    : config_{std::move(config)}, gate_{gate}, directory_{directory}, metrics_{registry},
      offenders_{{config_.ban_after, config_.ban_time, secret}}, vouched_{secret},
      error_limiter_{{errors_per_second, errors_at_once, secret}},
      keys_{config_.secrets.empty() ? keys_from(secret) : keys_from(config_.secrets)} {
  add_use_metrics(registry);
}

void service::add_use_metrics(metrics::registry& registry) {
  registry.add_reader("shoal_udp_banned", "Addresses that are banned for bad connection ids", "",
                      [this] { return double(offenders_.banned_count(mono_now())); });
  registry.add_reader("shoal_udp_offenders", "Addresses with bad connection ids remembered", "",
                      [this] { return double(offenders_.size(mono_now())); });
  registry.add_reader("shoal_udp_offenders_max", "Bound of that memory", "",
                      [] { return double(limits::udp_offenders_max); });
}

result<void> service::prepare() {
  auto usable = usable_datagram_addresses(config_.listen);
  if (!usable)
    return tl::unexpected{usable.error()};
  config_.listen = std::move(*usable);
  return {};
}

result<std::unique_ptr<edge_guest>> service::make_guest(boost::asio::io_context& io,
                                                        edge_port& port) {
  auto made = std::make_unique<guest>(*this, io, port);
  if (auto opened = made->open(); !opened)
    return tl::unexpected{opened.error()};
  return std::unique_ptr<edge_guest>{std::move(made)};
}

void service::vouch_for(const ip_address& client, mono_time now) {
  auto until = now + std::chrono::seconds{vouched_intervals * gate_.config().interval_s};
  vouched_.change(client, now, [&](vouch& v) { v.until = until; });
}

bool service::change_secrets(std::span<const std::string> secrets, mono_time now) {
  std::lock_guard guard{keys_mutex_};
  return keys_.change(keys_from(secrets), now);
}

connection_keys service::keys(mono_time now) const {
  std::lock_guard guard{keys_mutex_};
  return keys_.at(now);
}

} // namespace shoal::udp
