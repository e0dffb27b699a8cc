// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/node.hpp"
#include "actors/tracker_gate.hpp"
#include "cmd/cluster_config.hpp"
#include "core/log.hpp"
#include "http/config.hpp"
#include "udp/config.hpp"

#include <optional>
#include <string>

namespace shoal::cmd {

/// Everything that an operator can say, from flags, the environment and a file.
struct shoald_config {
  node_config node;
  tracker_config tracker; ///< Rules of all transports.
  http::http_config http;
  udp::udp_config udp;
  cluster_config cluster;
  log::config log;
};

/// Of the settings that all nodes of a cluster must have alike, for their links' hello.
uint64_t fingerprint_of(const shoald_config& config);

/// What the command line asks for besides the configuration.
struct shoald_options {
  shoald_config config;
  bool print_config = false;
  bool check = false;
  bool print_routes = false;
};

/// Reads flags over environment over file over defaults. Prints help, the version, or one line that
/// says what is wrong.
/// @returns nothing if the program must exit, with `exit_code` set: 0 or 2.
std::optional<shoald_options> read_options(int argc, char** argv, int& exit_code);

/// @returns the configuration as a TOML file that `--config` reads; secrets are masked.
std::string to_toml(const shoald_config& config);

/// Checks what no single option can: paths that can be written, ranges that fit each other.
result<void> validate(const shoald_config& config);

/// @returns what works for now, but not as it should: certificates that are out of date.
std::vector<std::string> warnings(const shoald_config& config);

} // namespace shoal::cmd
