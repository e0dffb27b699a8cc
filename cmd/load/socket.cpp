// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/socket.hpp"

#include "cmd/load/population.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace shoal::load {

namespace {

tl::unexpected<error> system_failure(const char* what) {
  return fail(ec::unavailable, std::string{what} + ": " + std::strerror(errno));
}

} // namespace

void descriptor::close() {
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
}

socket_address::socket_address(const endpoint& where) {
  if (where.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(where.port);
    std::memcpy(&v4.sin_addr, where.address.bytes.data(), sizeof(v4.sin_addr));
    std::memcpy(&bytes, &v4, size = sizeof(v4));
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(where.port);
    std::memcpy(&v6.sin6_addr, where.address.bytes.data(), sizeof(v6.sin6_addr));
    std::memcpy(&bytes, &v6, size = sizeof(v6));
  }
}

result<descriptor> connect_to(const endpoint& target, int type, unsigned range, unsigned source) {
  auto family = target.address.is_v4() ? AF_INET : AF_INET6;
  descriptor made{::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!made)
    return system_failure("socket");
  if (target.address.is_v4() && target.address.is_loopback()) {
    int on = 1;
    // The port is chosen when the target is known: one address can have more connections then.
    ::setsockopt(made.fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    socket_address own{{loopback_source(range, source), 0}};
    if (::bind(made.fd(), own.data(), own.size) != 0)
      return system_failure("bind");
  }
  socket_address to{target};
  if (::connect(made.fd(), to.data(), to.size) != 0 && errno != EINPROGRESS)
    return system_failure("connect");
  return made;
}

size_t wait_for_events(int epoll, std::span<epoll_event> events, int64_t timeout_ns) {
  timeout_ns = std::max<int64_t>(timeout_ns, 0);
  timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
  auto size = static_cast<int>(events.size());
  auto count = ::epoll_pwait2(epoll, events.data(), size, &timeout, nullptr);
  return count < 0 ? 0 : static_cast<size_t>(count);
}

bool watch(int epoll, int fd, uint32_t events, uint64_t data) {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.u64 = data;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0;
}

} // namespace shoal::load
