// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "origin/origin_url.hpp"

#include <functional>

namespace shoal::origin {

/// @returns a variable of the environment, or an empty text.
using environment_lookup = std::function<std::string(const char* name)>;

environment_lookup process_environment();

/// Chosen here and not by curl, so that it is known whether a socket is for the proxy, whose
/// address is the operator's choice, or for an origin, whose address is guarded.
/// @param setting as `client_config::proxy`.
/// @returns the proxy on the way to `where`; empty: none.
std::string proxy_for(const origin_url& where, const std::string& setting,
                      const environment_lookup& environment);

} // namespace shoal::origin
