// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/defaults.hpp"
#include "core/net.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace shoal::udp {

/// What the UDP tracker needs to know; validated by cmd/ before anything opens.
struct udp_config {
  bool enabled = true;
  std::vector<endpoint> listen; ///< Each is bound by every edge thread (SO_REUSEPORT).
  std::vector<cidr> proxies;    ///< Whose PROXY protocol headers are believed.
  /// Of connection ids: the current one and the one before, if any; nodes with the same ones accept
  /// each other's ids. None: those of the file.
  std::vector<std::string> secrets;
  /// Holds them, one per line, and is read again on SIGHUP. None either: the node's own secret.
  std::string secret_file;
  unsigned ban_after = 10;                         ///< Bad connection ids in two minutes; 0: never.
  std::chrono::seconds ban_time{120};              ///< A ban lasts this long.
  unsigned receive_buffer_bytes = 4 * 1024 * 1024; ///< Of each socket, in the kernel.
};

} // namespace shoal::udp
