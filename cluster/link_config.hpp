// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shoal::cluster {

/// Versions of what nodes say to each other. Two nodes talk in the latest that both know.
inline constexpr uint32_t protocol_first = 1;
inline constexpr uint32_t protocol_latest = 2;

/// @returns with which version a kind of message came. It is neither said to nor taken from a node
/// with which an earlier one is spoken.
using kind_since = uint32_t (*)(uint16_t kind);

/// What a node says of itself in its hello.
struct link_identity {
  std::string cluster;
  std::string node;
  uint64_t incarnation = 0;
  uint64_t fingerprint = 0; ///< Of the settings that must agree.
  uint32_t protocol_min = protocol_first;
  uint32_t protocol_max = protocol_latest;
};

struct link_timing {
  std::chrono::milliseconds heartbeat{1000};   ///< Between life signs.
  std::chrono::milliseconds loss{3000};        ///< Silence after which the other node is gone.
  std::chrono::milliseconds greeting{5000};    ///< From the first byte until the link is up.
  std::chrono::milliseconds backoff_min{100};  ///< Before dialing again; doubles,
  std::chrono::milliseconds backoff_max{5000}; ///< and is jittered by half.
  std::chrono::milliseconds deadline_max{60'000};
};

/// The names in the certificate of the other side. With plain links there is none to look at.
struct link_certificate {
  bool looked_at = false;
  std::vector<std::string> names;
};

/// How a link is, for metrics.
struct link_numbers {
  std::string node;
  uint64_t incarnation = 0;
  uint32_t version = 0;                            ///< Of the protocol; 0: not up.
  std::chrono::nanoseconds round_trip{0};          ///< Of the last heartbeat; 0 before the first.
  std::chrono::nanoseconds smoothed_round_trip{0}; ///< An eighth of it is the last one's.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t credit_bytes = 0;        ///< What may be asked at once.
  uint64_t answer_credit_bytes = 0; ///< What may be answered at once.
  uint64_t window_bytes = 0;        ///< What either is at most.
  uint64_t queue_bytes = 0;         ///< Waiting for credit.
  size_t pending = 0;               ///< Requests without an answer.
  size_t open = 0;                  ///< Requests of the other node without an answer.
  uint64_t late_answers = 0;        ///< Came when nobody waited any more.
};

/// How it goes with a node that is followed, for metrics: over all its links so far.
struct link_peer_numbers {
  link_numbers link; ///< Of the link that is up, else the node's name and nothing; bytes and late
                     ///< answers are those of all links.
  bool is_up = false;
  uint64_t ups = 0; ///< Links that came up.
};

} // namespace shoal::cluster
