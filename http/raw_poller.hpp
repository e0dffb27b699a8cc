// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/task.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <array>
#include <span>
#include <sys/epoll.h>

namespace shoal::http {

/// A set of descriptors whose readiness is told in batches, on a loop of Asio's. For sockets that
/// live too short to be registered with Asio, which takes several system calls more per request.
class raw_poller {
public:
  /// Throws boost::system::system_error when the process has no descriptors left.
  explicit raw_poller(asio::io_context& io);

  /// @param who comes back in the events' `data.ptr`. @returns false if there is no memory.
  bool add(int fd, uint32_t events, void* who);
  bool change(int fd, uint32_t events, void* who);
  void remove(int fd);

  /// @returns what is ready; valid until the next call. Never waits.
  std::span<const epoll_event> ready();

  /// Whether there may be more: ask again before the loop sleeps.
  bool hot() const { return hot_; }

private:
  void arm();

  asio::posix::basic_stream_descriptor<executor> set_;
  std::array<epoll_event, 128> events_;
  bool hot_ = false;
};

} // namespace shoal::http
