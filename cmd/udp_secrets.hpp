// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "udp/config.hpp"

#include <string>
#include <vector>

namespace shoal::cmd {

/// @returns the secrets of connection ids, the current one first: those of the settings or of the
/// file that they name, read now; none for the node's own.
/// @errors ec::invalid_argument: the file cannot be read, there are more than two, one is empty, or
/// both are given.
result<std::vector<std::string>> udp_secrets(const udp::udp_config& config);

} // namespace shoal::cmd
