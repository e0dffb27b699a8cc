// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_frame.hpp"
#include "core/clock.hpp"

#include <deque>

namespace shoal::cluster {

/// A message on its way out.
struct link_item {
  enum class what : uint8_t { request, notice, answer, failure };
  what form = what::notice;
  uint64_t id = 0;
  uint16_t kind = 0;
  ec code = ec::unavailable;
  std::string body; ///< Of a failure: its text.
  mono_time deadline{};
  uint64_t request_cost = 0; ///< Of an answer: what its request costs until this leaves.
  bool dropped = false;
};

/// What waits to be sent, and how much of it the other side has room for. Requests and notices go
/// in one lane, answers in another: answers must never wait for room that only answers can make.
class link_lane {
public:
  void open(uint64_t window_bytes) { window_bytes_ = window_bytes; }

  /// @returns whether the queue has room for it.
  bool has_room(size_t body_bytes) const;

  /// The reference holds until the item is sent. The caller has looked whether there is room.
  link_item& push(link_item x);

  /// Takes back what has not been sent.
  void drop(link_item& x);

  /// @returns what may be sent now, or null. It counts as sent.
  std::optional<link_item> next();

  /// @param total what the other side has dealt with so far. @returns whether that can be.
  bool acknowledge(uint64_t total);

  uint64_t credit_bytes() const { return window_bytes_ - (sent_bytes_ - acknowledged_bytes_); }
  uint64_t queue_bytes() const { return queue_bytes_; }

private:
  void skip_dropped();

  std::deque<link_item> queue_;
  uint64_t queue_bytes_ = 0;
  uint64_t window_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  uint64_t acknowledged_bytes_ = 0;
};

/// The other end of a lane: what has come, and what of it is dealt with.
class link_intake {
public:
  /// @returns whether the sender kept to the window.
  bool received(uint64_t cost);
  void dealt_with(uint64_t cost) { done_bytes_ += cost; }

  /// Whether it is time to tell the sender.
  bool is_due() const;
  uint64_t tell() { return told_bytes_ = done_bytes_; }
  uint64_t held_bytes() const { return received_bytes_ - done_bytes_; }
  bool has_news() const { return told_bytes_ != done_bytes_; }

private:
  uint64_t received_bytes_ = 0;
  uint64_t done_bytes_ = 0;
  uint64_t told_bytes_ = 0;
};

} // namespace shoal::cluster
