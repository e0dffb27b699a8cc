// SPDX-License-Identifier: Apache-2.0
// Sockets whose other end does nothing.
#define CAF_SUITE cluster.link_connection

#include "cluster/link_connection.hpp"

#include "core/limits.hpp"

#include <boost/asio/write.hpp>
#include <caf/test/unit_test.hpp>

#include <list>

using namespace shoal;
using namespace shoal::cluster;
using namespace std::literals;

namespace {

using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

constexpr auto patience = 10s; // A test that needs as long has failed.

const tcp::endpoint any_port{asio::ip::address_v4::loopback(), 0};

/// Somewhere to connect to, where nobody takes what connects.
struct full_port {
  explicit full_port(asio::io_context& io) : acceptor{io, any_port.protocol()} {
    acceptor.bind(any_port);
    acceptor.listen(0);
    for (int i = 0; i < 4; ++i) { // The kernel takes some all the same.
      auto& socket = waiting.emplace_back(io);
      socket.async_connect(acceptor.local_endpoint(), [](const error_code&) {});
    }
  }

  tcp::acceptor acceptor;
  std::list<tcp::socket> waiting;
};

std::string written(const link_frame& x) {
  std::string bytes;
  encode(x, bytes);
  return bytes;
}

/// Until nothing more fits.
void fill(tcp::socket& socket) {
  socket.non_blocking(true);
  std::string junk(64 * 1024, 'x');
  error_code full;
  for (auto n = junk.size(); n > 0; n /= 2)
    while (socket.write_some(asio::buffer(junk, n), full) > 0)
      ;
}

} // namespace

CAF_TEST(a farewell that nobody reads does not keep the connection) {
  asio::io_context io;
  tcp::acceptor acceptor{io, any_port};
  tcp::socket other{io};
  other.connect(acceptor.local_endpoint());
  auto ours = acceptor.accept();
  CAF_MESSAGE("a hello that is refused, and words that go nowhere");
  asio::write(other, asio::buffer(written(
                         link_hello{"test", "b", "a", 1, 7, 1, limits::link_window_bytes, 1, 1})));
  fill(ours);
  link_core core{{"test", "a", 1, 7, 1, 1}, {}, 1, mono_now, [](auto what) { what(); }};
  auto ended = false;
  auto made = std::make_shared<link_connection>(
      core, link_timing{}, std::move(ours), nullptr, [](auto&) {}, [&](auto&) { ended = true; });
  made->accept();
  while (!ended && io.run_one_for(patience) > 0)
    ;
  CAF_CHECK(ended);
  CAF_CHECK_EQUAL(core.totals().said[static_cast<size_t>(link_refusal::unknown_node)], 1u);
}

CAF_TEST(an address of a name that does not answer leaves time for the next one) {
  asio::io_context io;
  full_port silent{io};
  tcp::acceptor acceptor{io, any_port};
  auto there = acceptor.local_endpoint();
  for (size_t turn = 0; turn < 3; ++turn) {
    link_stream stream{tcp::socket{io}, nullptr};
    std::optional<error_code> got;
    auto mute = silent.acceptor.local_endpoint();
    stream.dial({mute, mute, there}, {1s, turn}, [&](const error_code& why) { got = why; });
    while (!got && io.run_one_for(patience) > 0)
      ;
    CAF_REQUIRE(got);
    CAF_CHECK(!*got);
  }
}

CAF_TEST(if no address answers the last reason is told) {
  asio::io_context io;
  tcp::acceptor gone{io, any_port};
  auto there = gone.local_endpoint();
  gone.close();
  link_stream stream{tcp::socket{io}, nullptr};
  std::optional<error_code> got;
  stream.dial({there, there}, {1s, 5}, [&](const error_code& why) { got = why; });
  io.run_for(patience);
  CAF_REQUIRE(got);
  CAF_CHECK(*got == asio::error::connection_refused);
  CAF_MESSAGE("and who closes meanwhile gets no second address");
  io.restart();
  full_port silent{io};
  got.reset();
  link_stream other{tcp::socket{io}, nullptr};
  auto mute = silent.acceptor.local_endpoint();
  other.dial({mute, mute}, {1h, 0}, [&](const error_code& why) { got = why; });
  other.close();
  while (!got && io.run_one_for(patience) > 0)
    ;
  CAF_CHECK(got == asio::error::operation_aborted);
}
