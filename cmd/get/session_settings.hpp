// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/get/torrent_session.hpp"

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/settings_pack.hpp>

/// What all of our sessions of libtorrent have in common. Only for sources that speak libtorrent.
namespace shoal::get {

lt::settings_pack settings_of(const session_options& options);

/// The same for a session that fetches, at its start.
lt::settings_pack settings_to_fetch(const session_options& options);

/// libtorrent does not limit the rate of peers in the local network unless it is told to.
lt::ip_filter limits_for_all();

/// Gives a torrent its own links and ours.
void put_links(lt::add_torrent_params& params, const lt::torrent_info& info,
               const swarm_links& links);

} // namespace shoal::get
