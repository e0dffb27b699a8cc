// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/get/torrent_session.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace shoal::cli {

/// An option for bytes per second, such as "500K" or "20M".
void add_rate(CLI::App& command, const std::string& name, int& out, const std::string& help);

/// How to take part in swarms: --no-dht, --no-lan, --listen, --dht-node, --limit-up.
void add_session_flags(CLI::App& command, get::session_options& session);

} // namespace shoal::cli
