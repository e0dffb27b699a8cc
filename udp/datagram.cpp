// SPDX-License-Identifier: Apache-2.0
#include "udp/datagram.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/sock_diag.h>
#include <unistd.h>
#include <vector>

namespace shoal::udp {

namespace {

tl::unexpected<error> refuse(const endpoint& where, int why) {
  return fail(ec::unavailable,
              "cannot use UDP on " + where.str() + ": " + std::string{std::strerror(why)});
}

bool set(int descriptor, int level, int name, int value) {
  return ::setsockopt(descriptor, level, name, &value, sizeof(value)) == 0;
}

socklen_t to_kernel(const endpoint& from, packet_path& to) {
  if (from.address.is_v4()) {
    to.from.v4 = {};
    to.from.v4.sin_family = AF_INET;
    to.from.v4.sin_port = htons(from.port);
    std::memcpy(&to.from.v4.sin_addr, from.address.bytes.data(), 4);
    return sizeof(sockaddr_in);
  }
  to.from.v6 = {};
  to.from.v6.sin6_family = AF_INET6;
  to.from.v6.sin6_port = htons(from.port);
  std::memcpy(&to.from.v6.sin6_addr, from.address.bytes.data(), 16);
  return sizeof(sockaddr_in6);
}

enum class sharing : uint8_t { alone, with_other_edges };

/// @returns the descriptor, or minus the error.
int open_and_bind(const endpoint& where, sharing how) {
  auto v6 = !where.address.is_v4();
  auto descriptor = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return -errno;
  packet_path at;
  auto size = to_kernel(where, at);
  if ((how == sharing::alone || set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1))
      && (!v6 || set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1))
      && ::bind(descriptor, &at.from.any, size) == 0)
    return descriptor;
  auto failed = errno;
  ::close(descriptor);
  return -failed;
}

/// Turns what the kernel says about the way here into what it wants to hear about the way back.
/// @returns the bytes of control to send, 0 if there is nothing to say.
size_t turn_round(cmsghdr& control) {
  if (control.cmsg_level == IPPROTO_IP && control.cmsg_type == IP_PKTINFO) {
    in_pktinfo info;
    std::memcpy(&info, CMSG_DATA(&control), sizeof(info));
    info.ipi_ifindex = 0; // Which interface is for the routing table to say.
    std::memcpy(CMSG_DATA(&control), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
  }
  if (control.cmsg_level == IPPROTO_IPV6 && control.cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info;
    std::memcpy(&info, CMSG_DATA(&control), sizeof(info));
    if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
      info.ipi6_ifindex = 0;
    std::memcpy(CMSG_DATA(&control), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
  }
  return 0;
}

} // namespace

// -- sockets -------------------------------------------------------------------

result<int> open_datagram_socket(const endpoint& where, unsigned receive_buffer_bytes) {
  auto descriptor = open_and_bind(where, sharing::with_other_edges);
  if (descriptor < 0)
    return refuse(where, -descriptor);
  auto bytes = static_cast<int>(receive_buffer_bytes);
  // The first needs a privilege, the second stops at net.core.rmem_max.
  if (!set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, bytes))
    set(descriptor, SOL_SOCKET, SO_RCVBUF, bytes);
  auto any = std::all_of(where.address.bytes.begin(), where.address.bytes.end(),
                         [](auto b) { return b == 0; });
  auto told = where.address.is_v4() ? set(descriptor, IPPROTO_IP, IP_PKTINFO, any)
                                    : set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, any);
  if (!told) {
    auto failed = errno;
    ::close(descriptor);
    return refuse(where, failed);
  }
  return descriptor;
}

result<std::vector<endpoint>> usable_datagram_addresses(const std::vector<endpoint>& all) {
  std::vector<endpoint> usable;
  for (auto& where : all) {
    if (std::find(usable.begin(), usable.end(), where) != usable.end())
      continue;
    auto descriptor = open_and_bind(where, sharing::alone);
    if (descriptor >= 0) {
      ::close(descriptor);
      usable.push_back(where);
      continue;
    }
    auto no_ipv6 = !where.address.is_v4() && all.size() > 1
                   && (descriptor == -EAFNOSUPPORT || descriptor == -EADDRNOTAVAIL);
    if (!no_ipv6)
      return refuse(where, -descriptor);
    log::warn("udp", "leaves out address={} reason=\"{}\"", where.str(),
              std::strerror(-descriptor));
  }
  return usable;
}

receive_queue look_at_queue(int descriptor) {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0)
    return {};
  return {info[SK_MEMINFO_RMEM_ALLOC], info[SK_MEMINFO_RCVBUF], info[SK_MEMINFO_DROPS]};
}

// -- receiving -----------------------------------------------------------------

receive_batch::receive_batch() : places_{std::make_unique<std::array<place, batch_max>>()} {
  for (size_t i = 0; i < batch_max; ++i) {
    auto& p = (*places_)[i];
    vectors_[i] = {p.bytes.data(), p.bytes.size()};
    headers_[i] = {};
    headers_[i].msg_hdr.msg_name = &p.path.from;
    headers_[i].msg_hdr.msg_iov = &vectors_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_control = p.path.control.data();
  }
}

std::optional<size_t> receive_batch::receive(int descriptor) {
  for (auto& header : headers_) {
    header.msg_hdr.msg_namelen = sizeof(packet_path::from);
    header.msg_hdr.msg_controllen = sizeof(packet_path::control);
  }
  for (;;) {
    auto got = ::recvmmsg(descriptor, headers_.data(), batch_max, MSG_DONTWAIT, nullptr);
    if (got >= 0)
      return static_cast<size_t>(got);
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      return size_t{0};
    if (errno != EINTR)
      return std::nullopt;
  }
}

std::span<const uint8_t> receive_batch::bytes(size_t index) const {
  auto& header = headers_[index];
  if (header.msg_hdr.msg_flags & MSG_TRUNC)
    return {};
  return std::span{(*places_)[index].bytes}.first(header.msg_len);
}

endpoint receive_batch::source(size_t index) const {
  auto& from = (*places_)[index].path.from;
  endpoint who;
  if (from.any.sa_family == AF_INET) {
    who.port = ntohs(from.v4.sin_port);
    std::memcpy(who.address.bytes.data(), &from.v4.sin_addr, 4);
    return who;
  }
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &from.v6.sin6_addr, bytes.size());
  who.address = ip_address::v6(bytes);
  who.port = ntohs(from.v6.sin6_port);
  return who;
}

void receive_batch::copy_path(size_t index, packet_path& to) const {
  auto& header = headers_[index].msg_hdr;
  auto& path = (*places_)[index].path;
  std::memcpy(&to.from, &path.from, header.msg_namelen);
  to.from_bytes = static_cast<uint8_t>(header.msg_namelen);
  to.control_bytes = 0;
  auto* control = CMSG_FIRSTHDR(&header);
  if (control == nullptr)
    return;
  std::memcpy(to.control.data(), path.control.data(), header.msg_controllen);
  auto& copied = *reinterpret_cast<cmsghdr*>(to.control.data());
  to.control_bytes = static_cast<uint8_t>(turn_round(copied));
}

// -- sending -------------------------------------------------------------------

namespace {

struct send_batch {
  std::array<mmsghdr, batch_max> headers;
  std::array<iovec, batch_max> vectors;

  void fill(std::span<outgoing* const> packets) {
    for (size_t i = 0; i < packets.size(); ++i) {
      auto& packet = *packets[i];
      vectors[i] = {packet.bytes.data(), packet.size};
      headers[i] = {};
      auto& header = headers[i].msg_hdr;
      header.msg_name = &packet.path.from;
      header.msg_namelen = packet.path.from_bytes;
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
      header.msg_controllen = packet.path.control_bytes;
      header.msg_control = header.msg_controllen != 0 ? packet.path.control.data() : nullptr;
    }
  }
};

} // namespace

send_result send_all(int descriptor, std::span<outgoing* const> packets) {
  send_result total;
  send_batch batch;
  while (!packets.empty()) {
    auto some = packets.first(std::min(packets.size(), batch_max));
    batch.fill(some);
    auto count = ::sendmmsg(descriptor, batch.headers.data(), static_cast<unsigned>(some.size()),
                            MSG_DONTWAIT);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
      total.failed += packets.size(); // The queue is full, for the others as well.
      break;
    }
    auto sent = static_cast<size_t>(std::max(count, 0));
    total.packets += sent;
    for (size_t i = 0; i < sent; ++i)
      total.bytes += some[i]->size;
    if (sent == 0) { // The error is about the first one.
      ++total.failed;
      sent = 1;
    }
    packets = packets.subspan(sent);
  }
  return total;
}

} // namespace shoal::udp
