// SPDX-License-Identifier: Apache-2.0
// Where an edge's connections come from, and which edge they stay with.
#include "core/log.hpp"
#include "http/edge.hpp"

#include <algorithm>

namespace shoal::http {

namespace {

/// Counts a connection as on its way for as long as it is.
class on_the_way {
public:
  explicit on_the_way(std::atomic<size_t>& count) : count_{&count} { ++count; }
  on_the_way(on_the_way&& other) noexcept : count_{std::exchange(other.count_, nullptr)} {}
  on_the_way& operator=(on_the_way&&) = delete;
  ~on_the_way() {
    if (count_)
      --*count_;
  }

private:
  std::atomic<size_t>* count_;
};

} // namespace

edge& edge::emptiest() const {
  auto& all = commons_.edges;
  auto fewer = [](const edge* a, const edge* b) { return a->connections() < b->connections(); };
  auto best = std::min_element(all.begin(), all.end(), fewer);
  // Moving costs: not for nothing.
  return fewer(*best, this) ? **best : *all[number_];
}

bool edge::full(size_t transient) const {
  auto max = srv_.config.connections_max;
  return connections() + transient >= max && emptiest().connections() + transient >= max;
}

void edge::place(arrival a) {
  // Who drains closes it; this edge answers first what the client has asked.
  auto& to = a.ticket || draining_ ? *this : emptiest();
  if (&to == this || to.draining_)
    return settle(std::move(a));
  asio::post(to.io_, [&to, a = std::move(a), counted = on_the_way{to.arriving_}]() mutable {
    try {
      to.settle(std::move(a));
    } catch (const std::exception& e) { // No memory: a connection closes, not the node.
      log::error("edge", "cannot take a connection what=\"{}\"", e.what());
    }
  });
}

void edge::settle(arrival a) {
  if (a.for_lane)
    return lane_.take(std::move(a));
  if (!a.ticket) {
    auto ticket = book_.enter(a.from.address);
    if (!ticket)
      return; // The socket closes here.
    a.ticket = std::move(*ticket);
  }
  adopt(std::move(a));
}

void edge::adopt(arrival a) {
  tcp_socket socket{io_.get_executor()};
  boost::system::error_code failed;
  auto protocol = a.from.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
  socket.assign(protocol, a.socket.get(), failed);
  if (failed)
    return;
  a.socket.release();
  auto asked = !a.unread.empty();
  start_serving(std::make_shared<connection>(stream{std::move(socket)}, a.peer, srv_.config,
                                             std::move(a.ticket), a.unread),
                asked);
}

} // namespace shoal::http
