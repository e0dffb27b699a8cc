// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "udp/tracker.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <deque>

namespace shoal::udp {

/// The UDP sockets of one edge thread. In each turn of the thread's loop a socket gives one batch
/// at most, then the swarms run, then all answers leave at once: so a flood of packets delays
/// neither actors nor HTTP.
class guest final : public edge_guest {
public:
  /// @param srv, io, port outlive the guest.
  guest(service& srv, boost::asio::io_context& io, edge_port& port);

  /// Opens all sockets. Before the thread runs. @errors ec::unavailable.
  result<void> open();

  void tick(mono_time now) override;
  void flush() override;
  bool behind() override;
  bool steer(unsigned edges) override;
  void drain() override;

private:
  using descriptor
      = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

  struct bound_socket {
    explicit bound_socket(boost::asio::io_context& io) : handle{io} {}

    descriptor handle;
    bool awaited = false; ///< The loop says when there is something to receive.
    bool more = false;    ///< The last batch was full: there is.
    uint32_t drops = 0;   ///< As of the last look.
  };

  void await(size_t index);
  void receive(size_t index);
  void send(size_t index);

  service& srv_;
  boost::asio::io_context& io_;
  std::deque<bound_socket> sockets_;
  receive_batch batch_;
  tracker tracker_;
  int64_t shown_in_flight_ = 0;
  bool draining_ = false;
};

} // namespace shoal::udp
