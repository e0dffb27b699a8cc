// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_lane.hpp"

#include "core/limits.hpp"

#include <utility>

namespace shoal::cluster {

bool link_lane::has_room(size_t body_bytes) const {
  return queue_bytes_ + link_cost(body_bytes) <= limits::link_queue_bytes_max;
}

link_item& link_lane::push(link_item x) {
  queue_bytes_ += link_cost(x.body.size());
  return queue_.emplace_back(std::move(x));
}

void link_lane::drop(link_item& x) {
  queue_bytes_ -= x.body.size(); // Its place in the queue is still taken, and bounded.
  x.dropped = true;
  x.body = {};
  skip_dropped();
}

void link_lane::skip_dropped() {
  while (!queue_.empty() && queue_.front().dropped) {
    queue_.pop_front();
    queue_bytes_ -= link_overhead_bytes;
  }
}

std::optional<link_item> link_lane::next() {
  skip_dropped();
  if (queue_.empty())
    return std::nullopt;
  auto cost = link_cost(queue_.front().body.size());
  if (cost > credit_bytes())
    return std::nullopt;
  std::optional<link_item> x{std::move(queue_.front())};
  queue_.pop_front();
  queue_bytes_ -= cost;
  sent_bytes_ += cost;
  return x;
}

bool link_lane::acknowledge(uint64_t total) {
  if (total < acknowledged_bytes_ || total > sent_bytes_)
    return false;
  acknowledged_bytes_ = total;
  return true;
}

bool link_intake::received(uint64_t cost) {
  received_bytes_ += cost;
  // What is dealt with and not yet told is not the sender's to use.
  return received_bytes_ - told_bytes_ <= limits::link_window_bytes;
}

bool link_intake::is_due() const {
  return done_bytes_ - told_bytes_ >= limits::link_window_bytes / 4;
}

} // namespace shoal::cluster
