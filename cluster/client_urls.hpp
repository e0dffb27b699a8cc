// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/member.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cluster {

/// Where clients get the cluster's files: the URLs of the nodes that have one and stay, without
/// doubles, at most limits::client_urls_max.
/// @param nodes by id. @param self whose URL is the first; those of the ids after it follow, so
/// that in a big cluster each node names others.
std::vector<std::string> client_urls(std::span<const seen_node> nodes, std::string_view self);

} // namespace shoal::cluster
