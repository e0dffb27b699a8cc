// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/net.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shoal::load {

enum class transport : uint8_t { udp, http, ws };

/// How often each kind of request is sent, in parts of their sum.
struct request_mix {
  unsigned connect = 0;
  unsigned announce = 1;
  unsigned scrape = 0;

  unsigned sum() const { return connect + announce + scrape; }

  /// "announce", "connect", "scrape", or three weights like "20:78:2".
  static std::optional<request_mix> parse(const std::string& text);
};

/// What a user can say on the command line. Numbers are checked there.
struct load_options {
  transport over = transport::udp;
  std::vector<endpoint> targets;

  request_mix mix;
  unsigned v6_percent = 20; ///< Share of clients at v6 targets, if both families are given.
  unsigned invalid_percent = 0;
  unsigned hostile_percent = 0;
  bool churn = false; ///< Peers start, complete and stop.

  uint64_t swarms = 1000;
  uint64_t peers = 100; ///< Of each swarm.
  unsigned seeds_percent = 50;
  unsigned numwant = 50;
  unsigned scrape_hashes = 1;
  uint64_t seed = 1;
  std::string passkey;

  std::chrono::milliseconds duration{10'000};
  uint64_t requests = 0;    ///< 0: as many as fit into the time.
  uint64_t rate = 0;        ///< Per second; 0: as fast as answers come.
  unsigned in_flight = 128; ///< What fits into anybody's receive buffer.
  std::chrono::milliseconds timeout{2000};
  bool prefill = false;      ///< Announce each peer once before measuring.
  bool prefill_only = false; ///< ... and measure nothing.

  unsigned threads = 1;
  unsigned sources = 16;     ///< Client addresses; UDP sockets.
  unsigned connections = 64; ///< HTTP and WebSocket.
  unsigned pipeline = 1;     ///< HTTP requests on a connection before their answers.
  bool close = false;        ///< A connection per request.
  bool tls = false;
  std::string get_path;               ///< HTTP: ask for this instead of announcing.
  std::vector<std::string> get_paths; ///< ... for these in turn.
  unsigned offers = 5;                ///< WebRTC offers with each announce.
  bool idle = false;                  ///< WebSocket: one announce each, then silence.

  int server_pid = 0;
  bool json = false;
  double max_loss_percent = 1;
};

enum class command : uint8_t { load, hashes };

struct command_line {
  command what = command::load;
  load_options options;
};

/// Parses the arguments. Prints help, the version, or one line that says what is wrong.
/// @returns nothing if the program must exit, with `exit_code` set.
std::optional<command_line> parse_command_line(int argc, char** argv, int& exit_code);

} // namespace shoal::load
