// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"
#include "persistence/posix_file.hpp"

#include <array>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace shoal::test {

using packet = std::vector<uint8_t>;

/// A socket address, to and from the kernel's form.
struct raw_address {
  explicit raw_address(const endpoint& from) {
    if (from.address.is_v4()) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(from.port);
      std::memcpy(&v4.sin_addr, from.address.bytes.data(), 4);
      std::memcpy(&storage, &v4, size = sizeof(v4));
    } else {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(from.port);
      std::memcpy(&v6.sin6_addr, from.address.bytes.data(), 16);
      std::memcpy(&storage, &v6, size = sizeof(v6));
    }
  }
  raw_address() = default;

  endpoint value() const {
    if (storage.ss_family == AF_INET) {
      sockaddr_in v4;
      std::memcpy(&v4, &storage, sizeof(v4));
      std::array<uint8_t, 4> bytes;
      std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
      return {ip_address::v4(bytes), ntohs(v4.sin_port)};
    }
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof(v6));
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return {ip_address::v6(bytes), ntohs(v6.sin6_port)};
  }

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
};

/// Where a socket is bound.
inline endpoint bound_to(int descriptor) {
  raw_address at;
  SHOAL_CHECK(::getsockname(descriptor, at.get(), &at.size) == 0);
  return at.value();
}

/// A client's socket on the loopback interface, which hands packets over before `send` returns.
class loopback_client {
public:
  explicit loopback_client(std::string_view ip = "127.0.0.1") {
    raw_address at{{*ip_address::parse(ip), 0}};
    socket_ = unique_fd{::socket(at.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
    SHOAL_CHECK(::bind(socket_.get(), at.get(), at.size) == 0);
  }

  endpoint address() const { return bound_to(socket_.get()); }

  void send(const endpoint& to, std::span<const uint8_t> bytes) {
    raw_address target{to};
    auto sent = ::sendto(socket_.get(), bytes.data(), bytes.size(), 0, target.get(), target.size);
    SHOAL_CHECK(sent == static_cast<ssize_t>(bytes.size()));
  }

  struct received {
    packet bytes;
    endpoint from;
  };

  std::optional<received> receive() {
    packet bytes(65'536);
    raw_address from;
    auto n = ::recvfrom(socket_.get(), bytes.data(), bytes.size(), 0, from.get(), &from.size);
    if (n < 0)
      return std::nullopt;
    bytes.resize(static_cast<size_t>(n));
    return received{std::move(bytes), from.value()};
  }

private:
  unique_fd socket_;
};

} // namespace shoal::test
