// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/random.hpp"
#include "cmd/load/socket.hpp"
#include "cmd/load/worker.hpp"

#include <string>

namespace shoal::load {

/// A datagram that no tracker may like: cut off, random, forged.
std::string hostile_packet(random_source& random, const population& all);

/// What a broken or malicious client may send over TCP: no HTTP at all, bad framing, bad values,
/// WebSocket frames against the rules.
std::string hostile_request(random_source& random, const population& all);

/// Sends such things beside honest workers, in proportion to what they send, from addresses of its
/// own. Nobody waits for answers.
class hostile_client {
public:
  explicit hostile_client(load_context& context);

  /// Until `stop` says so. @returns how many were sent.
  uint64_t run(const std::atomic<bool>& stop);

private:
  struct connection {
    descriptor socket;
    mono_time until;
  };

  void attack_udp();
  void attack_tcp();
  uint64_t due() const;

  load_context& context_;
  random_source random_;
  uint64_t sent_ = 0;
  unsigned next_source_ = 0;
  std::vector<connection> open_;
};

} // namespace shoal::load
