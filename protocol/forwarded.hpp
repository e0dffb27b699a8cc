// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/net.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace shoal {

/// Finds out who really asks when proxies stand in between.
///
/// Each proxy appends the address it sees to X-Forwarded-For, so only the right end, written by
/// our own proxies, is to be believed: the walk starts at the socket and goes on leftwards for as
/// long as it stands on a trusted address. Ports and brackets are tolerated ("1.2.3.4:80",
/// "[::1]:80"), empty elements skipped; anything else that is no address ("unknown", names) ends
/// the walk at the hop before. At most limits::forwarded_hops_max hops are walked.
///
/// @param socket the address of the connection (or of its PROXY protocol header).
/// @param trusted networks of our own proxies; empty means that headers are never believed.
/// @param headers the values of all X-Forwarded-For headers, in their order in the request.
ip_address real_address(const ip_address& socket, const std::vector<cidr>& trusted,
                        std::span<const std::string_view> headers);

} // namespace shoal
