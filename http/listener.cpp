// SPDX-License-Identifier: Apache-2.0
#include "http/listener.hpp"

#include "core/clock.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <atomic>
#include <netinet/tcp.h>
#include <system_error>

namespace shoal::http {

namespace {

using error_code = boost::system::error_code;

asio::ip::tcp::endpoint to_asio(const endpoint& from) {
  if (from.address.is_v4()) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy_n(from.address.bytes.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4{bytes}, from.port};
  }
  return {asio::ip::address_v6{from.address.bytes}, from.port};
}

enum class sharing : uint8_t { alone, with_other_edges };

error_code open_and_listen(tcp_acceptor& listener, const asio::ip::tcp::endpoint& at, sharing how) {
  error_code failed;
  auto option = [&](int level, int name) {
    int on = 1;
    if (!failed && setsockopt(listener.native_handle(), level, name, &on, sizeof(on)) != 0)
      failed = {errno, boost::system::system_category()};
  };
  listener.open(at.protocol(), failed);
  option(SOL_SOCKET, SO_REUSEADDR);
  if (how == sharing::with_other_edges)
    option(SOL_SOCKET, SO_REUSEPORT);
  // The first recv after accept finds the request: a third less work for one-shot announces.
  option(IPPROTO_TCP, TCP_DEFER_ACCEPT);
  // Connections inherit it: one call less for each.
  option(IPPROTO_TCP, TCP_NODELAY);
  if (at.address().is_v6())
    option(IPPROTO_IPV6, IPV6_V6ONLY);
  if (!failed)
    listener.bind(at, failed);
  // Alone, a bind is enough to find somebody who listens; connections made now would be lost.
  if (!failed && how == sharing::with_other_edges)
    listener.listen(asio::socket_base::max_listen_connections, failed);
  return failed;
}

tl::unexpected<error> refuse(const endpoint& where, const error_code& why) {
  return fail(ec::unavailable, "cannot listen on " + where.str() + ": " + why.message());
}

bool lacks_ipv6(const endpoint& where, const error_code& why) {
  return !where.address.is_v4()
         && (why == asio::error::address_family_not_supported
             || why == boost::system::errc::address_not_available);
}

} // namespace

bool is_shortage(int code) {
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

void complain_about_shortage(int code) {
  static std::atomic<mono_time> next{mono_time{}};
  auto now = mono_now();
  auto due = next.load();
  if (now >= due && next.compare_exchange_strong(due, now + std::chrono::seconds{1}))
    log::warn("edge", "cannot accept reason=\"{}\"", std::generic_category().message(code));
}

result<tcp_acceptor> listen_on(executor where_to_run, const endpoint& where) {
  tcp_acceptor listener{where_to_run};
  if (auto failed = open_and_listen(listener, to_asio(where), sharing::with_other_edges))
    return refuse(where, failed);
  return listener;
}

result<std::vector<endpoint>> usable_addresses(const std::vector<endpoint>& all) {
  asio::io_context context;
  std::vector<endpoint> usable;
  for (auto& where : all) {
    if (std::find(usable.begin(), usable.end(), where) != usable.end())
      continue;
    tcp_acceptor probe{context.get_executor()};
    auto at = to_asio(where);
    auto failed = open_and_listen(probe, at, sharing::alone);
    // ":8080" means both families, also where the kernel or the container has only one.
    if (failed && lacks_ipv6(where, failed) && at.address().is_unspecified() && all.size() > 1)
      log::warn("edge", "leaves out address={} reason=\"{}\"", where.str(), failed.message());
    else if (failed)
      return refuse(where, failed);
    else
      usable.push_back(where);
  }
  return usable;
}

} // namespace shoal::http
