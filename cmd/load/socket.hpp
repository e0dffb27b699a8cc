// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"

#include <cstdint>
#include <span>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace shoal::load {

/// A descriptor that closes itself.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() { close(); }

  void close();

  int fd() const { return fd_; }

  explicit operator bool() const { return fd_ >= 0; }

private:
  int fd_ = -1;
};

/// An address in the form of the kernel.
struct socket_address {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  explicit socket_address(const endpoint& where);

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

/// Opens a non-blocking socket that is connected to `target`, or about to be (TCP). If the target
/// is a v4 loopback address, the socket gets `loopback_source(range, source)` as its own.
/// @param type SOCK_STREAM or SOCK_DGRAM.
/// @errors ec::unavailable with what the kernel said.
result<descriptor> connect_to(const endpoint& target, int type, unsigned range, unsigned source);

/// Waits until a descriptor has something to tell, for nanoseconds at most.
/// @returns the number of events, 0 after a signal.
size_t wait_for_events(int epoll, std::span<epoll_event> events, int64_t timeout_ns);

/// Adds a descriptor to an epoll set. @returns false if the kernel refuses.
bool watch(int epoll, int fd, uint32_t events, uint64_t data);

} // namespace shoal::load
