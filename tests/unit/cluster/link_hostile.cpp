// SPDX-License-Identifier: Apache-2.0
// What comes to the link port and is no node, while a good link goes on.
#define CAF_SUITE cluster.link_hostile

#include "cluster/link_frame.hpp"
#include "core/limits.hpp"
#include "tests/unit/cluster/support/hub_node.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <random>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;
using namespace std::literals;

namespace {

using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using tuner = std::function<void(link_hub_config&)>;

dev_certs& certs() {
  static dev_certs made{"a b c"};
  return made;
}

/// Connects from one of many addresses of this machine.
tcp::socket visit(asio::io_context& io, const endpoint& there, uint32_t from) {
  tcp::socket socket{io, tcp::v4()};
  asio::ip::address_v4 source{0x7f010000u + from};
  socket.bind({source, 0});
  socket.connect({asio::ip::make_address(there.address.str()), there.port});
  return socket;
}

std::string garbage(std::mt19937& random) {
  switch (random() % 6) {
  case 0:
    return {};
  case 1:
    return "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  case 2:
    return std::string(4, '\xff') + std::string(100, 'x');
  case 3:
    return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + std::string(200, 'y');
  case 4: { // A hello of nobody, and what may only follow a greeting.
    std::string out;
    encode(link_hello{"test", "x", "a", 1, 7, 1, limits::link_window_bytes, 1, 1}, out);
    encode(link_request{1, 1000, echo, "x"}, out);
    return out;
  }
  default: {
    std::string out(random() % 400, '\0');
    for (auto& c : out)
      c = static_cast<char>(random());
    return out;
  }
  }
}

/// Asks all the time. @returns after the last answer.
class busy_link {
public:
  busy_link(hub_node& from, hub_node& to) : from_{from}, to_{to}, thread_{[this] { work(); }} {}
  void stop() {
    stop_ = true;
    thread_.join();
  }

  unsigned answered = 0;
  unsigned failed = 0;

private:
  void work() {
    while (!stop_)
      ++(from_.ask(to_.name, echo, "x") ? answered : failed);
  }

  hub_node& from_;
  hub_node& to_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

void plague(hub_node& victim, size_t connections) {
  asio::io_context io;
  std::mt19937 random{7};
  std::vector<tcp::socket> open;
  for (size_t i = 0; i < connections; ++i) {
    auto socket = visit(io, victim.hub->address(), 1 + static_cast<uint32_t>(i % 500));
    error_code ignored;
    asio::write(socket, asio::buffer(garbage(random)), ignored);
    if (random() % 8 == 0)
      socket.set_option(asio::socket_base::linger{true, 0}, ignored); // A reset.
    if (random() % 4 == 0)
      open.push_back(std::move(socket)); // Stays, and says no more.
    if (open.size() > 1000)
      open.erase(open.begin(), open.begin() + 500);
  }
}

void check_survives(hub_node& a, hub_node& b, size_t connections, const tuner& tune = {}) {
  introduce(a, b);
  await_link(a, b);
  {
    busy_link good{b, a};
    std::thread visitors{[&] { plague(a, connections); }};
    CAF_MESSAGE("nodes come and go meanwhile");
    for (uint64_t i = 1; i <= 5; ++i) {
      hub_node c{"c", i, certs().of("c"), tune};
      a.hub->follow({b.record(), c.record()});
      c.hub->follow({a.record()});
      eventually([&] { return c.ups > 0; });
    }
    visitors.join();
    good.stop();
    CAF_MESSAGE(good.answered << " answers meanwhile");
    CAF_CHECK_GREATER(good.answered, 10u);
    CAF_CHECK_EQUAL(good.failed, 0u);
  }
  CAF_CHECK_EQUAL(b.ups.load(), 1u);
  CAF_CHECK_EQUAL(b.downs.load(), 0u);
  auto report = a.report();
  CAF_CHECK_LESS(report.strangers, 2 * limits::link_strangers_max + 1);
  eventually([&] { return a.report().connections == 1; }); // The rest is gone.
  CAF_CHECK_EQUAL(a.report().strangers, 0u);
}

/// A TLS client of one's own. @returns what it got to read before the end, and the end.
std::pair<std::string, std::string> greet(const endpoint& there, const link_files& files,
                                          const std::string& words) {
  asio::io_context io;
  asio::ssl::context context{asio::ssl::context::tls_client};
  if (!files.cert.empty()) {
    context.use_certificate_chain_file(files.cert);
    context.use_private_key_file(files.key, asio::ssl::context::pem);
  }
  asio::ssl::stream<tcp::socket> stream{io, context};
  stream.next_layer().connect({asio::ip::make_address(there.address.str()), there.port});
  error_code why;
  stream.handshake(asio::ssl::stream_base::client, why);
  if (why)
    return {{}, why.message()};
  asio::write(stream, asio::buffer(words), why);
  std::string got(1000, '\0');
  got.resize(stream.read_some(asio::buffer(got), why));
  return {got, why.message()};
}

std::string good_hello(const std::string& node) {
  std::string out;
  encode(link_hello{"test", node, "a", 2, 7, 1, limits::link_window_bytes, 1, 1}, out);
  return out;
}

} // namespace

CAF_TEST(ten thousand hostile connections disturb nobody) {
  hub_node a{"a", 1, certs().of("a")};
  hub_node b{"b", 2, certs().of("b")};
  check_survives(a, b, 10'000);
}

CAF_TEST(garbage frames disturb nobody) {
  auto plainly = [](auto& x) { x.insecure = true; };
  hub_node a{"a", 1, {}, plainly};
  hub_node b{"b", 2, {}, plainly};
  check_survives(a, b, 3000, plainly);
}

CAF_TEST(whoever has no valid certificate learns nothing) {
  dev_certs others{"b"};
  dev_certs expired{"b"};
  for (auto file : {"ca.pem", "ca.key"})
    std::filesystem::copy_file(certs().file(file), expired.file(file),
                               std::filesystem::copy_options::overwrite_existing);
  expired.make("b", "--days 0");
  auto look = "openssl x509 -noout -checkend 0 -in " + expired.file("b.pem") + " >/dev/null";
  // The second of its birth must be over.
  eventually([&] { return std::system(look.c_str()) != 0; });
  hub_node a{"a", 1, certs().of("a")};
  a.hub->follow({{"b", 2, {}}});
  for (auto& files : {link_files{}, others.of("b"), expired.of("b")}) {
    auto [got, why] = greet(a.hub->address(), files, good_hello("b"));
    CAF_MESSAGE(why);
    CAF_CHECK(got.empty());
    CAF_CHECK(why.find("alert") != std::string::npos || why.find("reset") != std::string::npos);
  }
  CAF_CHECK_EQUAL(a.ups.load(), 0u);

  CAF_MESSAGE("with a valid one there is an answer");
  auto good = greet(a.hub->address(), certs().of("b"), good_hello("b"));
  link_frame_reader reader;
  reader.feed(good.first);
  auto answer = reader.next();
  CAF_REQUIRE(answer && *answer);
  CAF_CHECK(std::holds_alternative<link_hello>(**answer));

  CAF_MESSAGE("with one of another node there is only a reason");
  auto liar = greet(a.hub->address(), certs().of("a"), good_hello("b"));
  link_frame_reader other;
  other.feed(liar.first);
  auto refused = other.next();
  CAF_REQUIRE(refused && *refused);
  CAF_CHECK(std::get<link_farewell>(**refused).reason == link_refusal::wrong_certificate);
}

CAF_TEST(a node that reads no more is gone and so is its connection) {
  hub_node a{"a", 1, certs().of("a"), [](auto& x) { x.timing.loss = 500ms; }};
  a.hub->follow({{"b", 2, {}}});
  asio::io_context io;
  asio::ssl::context context{asio::ssl::context::tls_client};
  context.use_certificate_chain_file(certs().of("b").cert);
  context.use_private_key_file(certs().of("b").key, asio::ssl::context::pem);
  asio::ssl::stream<tcp::socket> stream{io, context};
  auto there = a.hub->address();
  stream.next_layer().connect({asio::ip::make_address(there.address.str()), there.port});
  stream.handshake(asio::ssl::stream_base::client);
  auto words = good_hello("b");
  encode(link_heartbeat{1, false}, words);
  asio::write(stream, asio::buffer(words));
  eventually([&] { return a.ups == 1u; });
  constexpr unsigned total = 20;
  std::atomic<unsigned> timeouts = 0;
  std::atomic<unsigned> others = 0;
  for (unsigned i = 0; i < total; ++i)
    a.hub->call("b", echo, std::string(limits::link_body_bytes_max, 'x'), mono_now() + 20s,
                [&](auto got) { got.error().code == ec::timeout ? ++timeouts : ++others; });
  eventually([&] { return timeouts + others == total; });
  CAF_CHECK_LESS(timeouts, 5u); // The window holds no more.
  eventually([&] { return a.report().connections == 0; });
  CAF_CHECK_EQUAL(a.downs.load(), 1u);
}

CAF_TEST(old versions of TLS are not spoken) {
  hub_node a{"a", 1, certs().of("a")};
  auto command = "openssl s_client -tls1_2 -connect " + a.hub->address().str()
                 + " </dev/null >/dev/null 2>&1";
  CAF_CHECK(std::system(command.c_str()) != 0);
}

CAF_TEST(silent strangers are sent away) {
  auto hasty = [](auto& x) { x.timing.greeting = 200ms; };
  hub_node a{"a", 1, certs().of("a"), hasty};
  asio::io_context io;
  std::vector<tcp::socket> silent;
  for (uint32_t i = 0; i < 300; ++i)
    silent.push_back(visit(io, a.hub->address(), 1 + i));
  eventually([&] { return a.report().turned_away > 0; });
  eventually([&] { return a.report().connections == 0; });
  std::array<char, 1> byte{};
  error_code why;
  silent.front().read_some(asio::buffer(byte), why);
  CAF_CHECK(why);
}

CAF_TEST(the oldest silent strangers make room for others but not those from nodes) {
  hub_node a{"a", 1, certs().of("a"), [](auto& x) { x.timing.greeting = 60s; }};
  a.hub->follow({{"b", 2, {"127.2.0.1:1"}}});
  a.report(); // By then it knows.
  asio::io_context io;
  tcp::socket node{io, tcp::v4()};
  node.bind({asio::ip::make_address_v4("127.2.0.1"), 0});
  auto there = a.hub->address();
  node.connect({asio::ip::make_address(there.address.str()), there.port});
  std::vector<tcp::socket> silent;
  eventually([&] {
    silent.push_back(visit(io, there, 1 + static_cast<uint32_t>(silent.size() % 500)));
    return a.report().pushed_out > 0;
  });
  std::array<char, 1> byte{};
  error_code why;
  silent.front().read_some(asio::buffer(byte), why);
  CAF_CHECK(why);
  node.non_blocking(true);
  node.read_some(asio::buffer(byte), why);
  CAF_CHECK_EQUAL(why, asio::error::would_block);
  CAF_CHECK_EQUAL(a.report().strangers, limits::link_strangers_max + 1);
}
