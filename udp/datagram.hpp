// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/net.hpp"

#include <array>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <sys/socket.h>
#include <vector>

namespace shoal::udp {

/// Packets that go through the kernel at once.
inline constexpr size_t batch_max = 64;

/// How a packet came, so that its answer goes back the same way: from the address that was asked,
/// which a host with several has to say.
struct packet_path {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } from;
  uint8_t from_bytes = 0;
  uint8_t control_bytes = 0; ///< 0 if the socket is bound to one address.
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> control;
};

/// A packet on its way out.
struct outgoing {
  packet_path path;
  size_t size = 0;
  std::array<uint8_t, limits::udp_reply_bytes_max> bytes;
};

/// Opens a UDP socket beside those of the other edges (SO_REUSEPORT); IPv6 ones take no IPv4.
/// @param receive_buffer_bytes in the kernel; halved by it if it is beyond what the system allows.
/// @returns the descriptor, which the caller closes. @errors ec::unavailable.
result<int> open_datagram_socket(const endpoint& where, unsigned receive_buffer_bytes);

/// Finds out whether this process may use `all`, as http::usable_addresses does.
/// @returns `all` without "::" if this machine has no IPv6 and there is another address.
/// @errors ec::unavailable with the address and why.
result<std::vector<endpoint>> usable_datagram_addresses(const std::vector<endpoint>& all);

/// What the kernel tells of a socket's queue; all zero if it does not.
struct receive_queue {
  uint32_t bytes = 0;   ///< Memory of the packets that wait: 768 bytes for one announce.
  uint32_t room = 0;    ///< What `bytes` can get to.
  uint32_t dropped = 0; ///< Packets so far, because the buffer was full.
};
receive_queue look_at_queue(int descriptor);

/// Memory for one batch of received packets, used over and over.
class receive_batch {
public:
  receive_batch();

  /// Takes what is there without waiting. @returns how many packets, or nothing on an error other
  /// than that there are none.
  std::optional<size_t> receive(int descriptor);

  /// Empty for a packet that was longer than limits::udp_packet_bytes_max.
  std::span<const uint8_t> bytes(size_t index) const;

  /// Who has sent it.
  endpoint source(size_t index) const;

  /// Says how to answer it.
  void copy_path(size_t index, packet_path& to) const;

private:
  struct place {
    packet_path path;
    std::array<uint8_t, limits::udp_packet_bytes_max> bytes;
  };

  std::unique_ptr<std::array<place, batch_max>> places_;
  std::array<iovec, batch_max> vectors_;
  std::array<mmsghdr, batch_max> headers_;
};

/// What became of packets that were to be sent.
struct send_result {
  size_t packets = 0;
  size_t bytes = 0;
  size_t failed = 0; ///< Dropped: clients ask again.
};

/// Sends all, in batches. One that the kernel refuses does not hold up the others.
send_result send_all(int descriptor, std::span<outgoing* const> packets);

} // namespace shoal::udp
