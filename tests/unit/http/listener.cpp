// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.listener

#include "http/listener.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

endpoint at(uint16_t port) {
  return {*ip_address::parse("127.0.0.1"), port};
}

/// A port that nobody else listens on while the test runs.
uint16_t free_port(asio::io_context& io) {
  asio::ip::tcp::acceptor probe{io, {asio::ip::address_v4::loopback(), 0}};
  return probe.local_endpoint().port();
}

} // namespace

CAF_TEST(an address that is named twice is used once) {
  asio::io_context io;
  auto port = free_port(io);
  auto usable = usable_addresses({at(port), at(port)});
  CAF_REQUIRE(usable);
  CAF_REQUIRE_EQUAL(usable->size(), 1u);
  CAF_CHECK(usable->front() == at(port));
}

CAF_TEST(an address that somebody else listens on is an error) {
  asio::io_context io;
  auto port = free_port(io);
  auto mine = listen_on(io.get_executor(), at(port));
  CAF_REQUIRE(mine);
  auto usable = usable_addresses({at(port)});
  CAF_REQUIRE(!usable);
  CAF_CHECK(usable.error().code == ec::unavailable);
}
