// SPDX-License-Identifier: Apache-2.0
#include "cmd/get/session_settings.hpp"

#include <libtorrent/alert.hpp>
#include <libtorrent/fingerprint.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>

namespace shoal::get {

namespace {

constexpr int alerts_kept_max = 50'000;
constexpr int stop_timeout_s = 2;

} // namespace

lt::settings_pack settings_of(const session_options& options) {
  using sp = lt::settings_pack;
  sp pack;
  pack.set_str(sp::user_agent, "shoal/" SHOAL_VERSION);
  pack.set_str(sp::peer_fingerprint, lt::generate_fingerprint("SO", 0, 1, 0, 0));
  pack.set_str(sp::listen_interfaces, options.listen);
  pack.set_bool(sp::enable_dht, options.dht);
  for (auto setting : {sp::enable_lsd, sp::enable_upnp, sp::enable_natpmp})
    pack.set_bool(setting, options.local_discovery);
  if (!options.dht_nodes.empty()) {
    std::string nodes;
    for (auto& node : options.dht_nodes)
      nodes += (nodes.empty() ? "" : ",") + node;
    pack.set_str(sp::dht_bootstrap_nodes, nodes);
    // Nodes that the user names may stand in one network, as in an office or a test.
    pack.set_bool(sp::dht_restrict_routing_ips, false);
    pack.set_bool(sp::dht_restrict_search_ips, false);
  }
  pack.set_int(sp::download_rate_limit, options.download_bytes_per_second);
  pack.set_int(sp::upload_rate_limit, options.upload_bytes_per_second);
  pack.set_int(sp::alert_mask, static_cast<int>(static_cast<uint32_t>(
                                   lt::alert_category::error | lt::alert_category::status
                                   | lt::alert_category::storage | lt::alert_category::tracker
                                   | lt::alert_category::peer)));
  pack.set_int(sp::alert_queue_size, alerts_kept_max);
  // A node that restarts is back soon; a few agents may stand behind one address.
  pack.set_int(sp::urlseed_wait_retry, 5);
  pack.set_int(sp::urlseed_timeout, 15);
  pack.set_int(sp::max_web_seed_connections, 8);
  pack.set_bool(sp::allow_multiple_connections_per_ip, true);
  pack.set_int(sp::stop_tracker_timeout, stop_timeout_s);
  pack.set_int(sp::tracker_completion_timeout, 15);
  pack.set_int(sp::tracker_receive_timeout, 8);
  pack.set_int(sp::min_reconnect_time, 5);
  pack.set_int(sp::hashing_threads, 2);
  return pack;
}

lt::settings_pack settings_to_fetch(const session_options& options) {
  using sp = lt::settings_pack;
  auto pack = settings_of(options);
  // See `utp_rule`. Who only seeds is called by others, and has uTP from the start.
  pack.set_bool(sp::enable_outgoing_utp, false);
  // Ten of them, libtorrent's own choice, mostly wake up to wait for each other's file lock.
  pack.set_int(sp::aio_threads, 4);
  return pack;
}

lt::ip_filter limits_for_all() {
  const auto mask = 1u << static_cast<uint32_t>(lt::session::global_peer_class_id);
  lt::ip_filter filter;
  filter.add_rule(lt::make_address("0.0.0.0"), lt::make_address("255.255.255.255"), mask);
  filter.add_rule(lt::make_address("::"),
                  lt::make_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), mask);
  return filter;
}

void put_links(lt::add_torrent_params& params, const lt::torrent_info& info,
               const swarm_links& links) {
  params.flags |= lt::torrent_flags::override_trackers | lt::torrent_flags::override_web_seeds;
  params.trackers.clear();
  params.tracker_tiers.clear();
  params.url_seeds.clear();
  auto add_tracker = [&](const std::string& url, int tier) {
    // This libtorrent speaks no WebSocket.
    if (url.starts_with("ws")
        || std::find(params.trackers.begin(), params.trackers.end(), url) != params.trackers.end())
      return;
    params.trackers.push_back(url);
    params.tracker_tiers.push_back(tier);
  };
  int last_tier = 0;
  for (auto& tracker : info.trackers()) {
    add_tracker(tracker.url, tracker.tier);
    last_tier = std::max<int>(last_tier, tracker.tier);
  }
  for (auto& url : links.trackers)
    add_tracker(url, ++last_tier);
  for (auto& seed : info.web_seeds())
    params.url_seeds.push_back(seed.url);
  for (auto& url : links.web_seeds)
    if (std::find(params.url_seeds.begin(), params.url_seeds.end(), url) == params.url_seeds.end())
      params.url_seeds.push_back(url);
}

} // namespace shoal::get
