// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/hdr_histogram.hpp"
#include "core/clock.hpp"

#include <algorithm>
#include <string_view>

namespace shoal::load {

/// What is asked. Invalid requests are those with a connection id that nobody issued (UDP).
enum class request_kind : uint8_t { connect, announce, scrape, get, invalid };
inline constexpr size_t request_kind_count = 5;

std::string_view name(request_kind kind);

/// What may go wrong with a request.
enum class trouble : uint8_t {
  timeout,      ///< No answer in time. Over UDP: lost.
  refused,      ///< A well-formed answer that says no: error packet, failure reason.
  status,       ///< HTTP status other than 200, 101 or 206.
  malformed,    ///< Not what the protocol prescribes.
  mismatched,   ///< An answer to another question: wrong transaction id, kind or hash.
  disconnected, ///< The connection ended before the answer.
  unconnected,  ///< The connection could not be opened.
  credulous,    ///< An invalid request was taken for a good one.
};
inline constexpr size_t trouble_count = 8;

std::string_view name(trouble what);

/// What one thread has seen; threads are summed up at the end.
struct tally {
  std::array<uint64_t, request_kind_count> sent{};
  std::array<uint64_t, request_kind_count> answered{};
  std::array<hdr_histogram, request_kind_count> latency_ns;
  std::array<uint64_t, trouble_count> troubles{};
  mono_time last_answer{}; ///< Then the run ends for rates: waiting for lost ones is no work.
  uint64_t late = 0;       ///< Answers that came when they were counted as lost.
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t peers_received = 0; ///< Addresses in all answers.
  uint64_t connections = 0;    ///< Opened.
  uint64_t offers_received = 0;
  uint64_t answers_received = 0; ///< WebRTC answers, relayed to the sender of the offer.

  void count_sent(request_kind kind) { ++sent[static_cast<size_t>(kind)]; }

  void count_answer(request_kind kind, mono_time asked, mono_time now) {
    auto took = std::chrono::nanoseconds{now - asked}.count();
    ++answered[static_cast<size_t>(kind)];
    latency_ns[static_cast<size_t>(kind)].record(static_cast<uint64_t>(std::max<int64_t>(took, 0)));
    last_answer = now;
  }

  void count(trouble what) { ++troubles[static_cast<size_t>(what)]; }

  uint64_t of(trouble what) const { return troubles[static_cast<size_t>(what)]; }

  /// All that wait for an answer; invalid ones do not.
  uint64_t sent_total() const;
  uint64_t answered_total() const;

  /// Answers with a fault, and connections that failed.
  uint64_t wrong_total() const;

  void merge(const tally& other);
};

} // namespace shoal::load
