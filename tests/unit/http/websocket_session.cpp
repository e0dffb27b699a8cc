// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.websocket_session

#include "http/websocket_session.hpp"

#include "http/websocket_hub.hpp"
#include "tests/unit/persistence/support.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <caf/test/unit_test.hpp>

#include <deque>
#include <optional>
#include <thread>

using namespace shoal;
using namespace shoal::http;
using namespace shoal::test;
using namespace std::literals;

namespace {

/// What the hubs of this file take for the time.
mono_time virtual_now;

mono_time virtual_clock() {
  return virtual_now;
}

/// A client's frame; its mask is zero.
std::string frame(ws_opcode opcode, std::string_view payload, bool fin = true) {
  SHOAL_CHECK(payload.size() < 65'536);
  auto size = payload.size();
  std::string out(1, static_cast<char>((fin ? 0x80 : 0) | static_cast<int>(opcode)));
  if (size < 126) {
    out += static_cast<char>(0x80 | size);
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 0xff);
  }
  return out + std::string(4, '\0') + std::string{payload};
}

std::string times(size_t count, const std::string& frame) {
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += frame;
  return out;
}

/// The far end of a WebSocket.
struct client {
  explicit client(asio::io_context& io) : socket{io.get_executor()} {}

  void send(std::string_view bytes) { asio::write(socket, asio::buffer(bytes)); }

  /// Takes what has come.
  void receive() {
    std::array<char, 4096> bytes;
    boost::system::error_code failed;
    socket.non_blocking(true);
    while (!failed) {
      auto n = socket.read_some(asio::buffer(bytes), failed);
      unread.append(bytes.data(), n);
    }
    ended = ended || failed != asio::error::would_block;
  }

  /// The next frame that was sent here, short ones only: "opcode payload".
  std::optional<std::string> hear() {
    receive();
    if (unread.size() < 2)
      return std::nullopt;
    auto opcode = static_cast<unsigned char>(unread[0]) & 0xf;
    size_t head = 2;
    size_t size = static_cast<unsigned char>(unread[1]);
    if (size == 126 && unread.size() >= 4) {
      head = 4;
      size = static_cast<size_t>(static_cast<unsigned char>(unread[2])) << 8
             | static_cast<unsigned char>(unread[3]);
    }
    if (unread.size() < head + size)
      return std::nullopt;
    auto text = std::to_string(opcode) + " " + unread.substr(head, size);
    unread.erase(0, head + size);
    return text;
  }

  tcp_socket socket;
  std::string unread;
  bool ended = false;
};

const auto ping = frame(ws_opcode::ping, "x");
const auto pong = frame(ws_opcode::pong, {});
const auto no_message = frame(ws_opcode::text, "{");
const auto announce
    = frame(ws_opcode::text, R"({"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh",)"
                             R"("peer_id":"pppppppppppppppppppp","left":1})");
const auto answer_to_nothing
    = frame(ws_opcode::text, R"({"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh",)"
                             R"("peer_id":"pppppppppppppppppppp","to_peer_id":)"
                             R"("qqqqqqqqqqqqqqqqqqqq","offer_id":"oooooooooooooooooooo",)"
                             R"("answer":{"type":"answer","sdp":"x"}})");
const auto misuse = "8 \x03\xf0too many frames that ask for nothing"s;

std::unique_ptr<node> start_node(const fs::path& data, metrics::registry& metrics) {
  node_config config;
  config.data_dir = data;
  config.map_bytes_max = uint64_t{1} << 30;
  auto started = node::start(config, metrics);
  CAF_REQUIRE(started);
  return std::move(*started);
}

tracker_config rules() {
  tracker_config made;
  made.open = true;
  made.rate_per_second = 1;
  made.rate_burst = 3;
  made.unlimited_networks = {*cidr::parse("10.0.0.0/8")};
  return made;
}

/// The hub of one edge, of a node that runs. Time stands still unless a test lets it pass.
struct fixture {
  fixture() { port.loop().bind_to_this_thread(); }

  /// What the edge does once a second, after so much time.
  void pass(mono_time::duration by) {
    virtual_now += by;
    hub.tick(virtual_now);
    hub.flush();
  }

  /// One turn of the edge's loop.
  void turn() {
    io.restart();
    io.poll();
    hub.run();
    port.run();
    hub.flush();
  }

  template <class Condition>
  void until(Condition met) {
    auto deadline = mono_now() + 30s;
    while (!met()) {
      CAF_REQUIRE(mono_now() < deadline);
      turn();
      std::this_thread::yield();
    }
  }

  client& connect(std::string_view ip = "192.0.2.1") {
    auto& made = clients.emplace_back(io);
    tcp_socket near{io.get_executor()};
    tcp_acceptor acceptor{io.get_executor(), {asio::ip::address_v4::loopback(), 0}};
    made.socket.connect(acceptor.local_endpoint());
    acceptor.accept(near);
    auto address = *ip_address::parse(ip);
    hub.accept({stream{std::move(near)}, {}, {address, 1}, {}}, {address, {}});
    return made;
  }

  /// The client says something, and the node takes all of it in.
  void say(client& who, const std::string& bytes) {
    auto before = gate.totals(transport::ws).bytes_received;
    who.send(bytes);
    until([&] { return gate.totals(transport::ws).bytes_received == before + bytes.size(); });
    turn();
  }

  std::string hear(client& who) {
    std::optional<std::string> heard;
    until([&] {
      heard = who.hear();
      return heard.has_value();
    });
    return *heard;
  }

  void hear_end(client& who) {
    until([&] {
      who.receive();
      return who.ended;
    });
  }

  /// Whether an announce is answered and not refused.
  bool announces(client& who) {
    say(who, announce);
    auto heard = hear(who);
    CAF_CHECK_NOT_EQUAL(heard.find("hhhhhhhhhhhhhhhhhhhh"), std::string::npos);
    return heard.find("failure reason") == std::string::npos;
  }

  uint64_t sent() const { return gate.totals(transport::ws).bytes_sent; }
  int64_t open() const { return web.sockets.value(); }

  temp_folder folder;
  metrics::registry metrics;
  std::unique_ptr<node> it = start_node(folder.path() / "data", metrics);
  tracker_gate gate{rules(), it->directory(), it->secret(), metrics};
  http_config config;
  disk_pool disk{1};
  http_metrics counted{metrics, gate};
  web_metrics web{metrics};
  services srv{config, *it, metrics, counted, gate, disk, web};
  asio::io_context io;
  edge_port port{it->system(), it->shards(), [] {}};
  std::deque<client> clients;
  websocket_hub hub{srv, port, io, virtual_clock};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(websocket_session_tests, fixture)

// -- silence -------------------------------------------------------------------

CAF_TEST(a silent socket is pinged once and then cut) {
  auto& quiet = connect();
  pass(defaults::ws_ping_after - 1ns);
  CAF_CHECK_EQUAL(sent(), 0u);
  pass(1ns);
  CAF_CHECK_EQUAL(hear(quiet), "9 ");
  CAF_CHECK_EQUAL(sent(), 2u);
  pass(defaults::ws_silence_max - defaults::ws_ping_after - 1ns);
  CAF_CHECK_EQUAL(open(), 1);
  pass(1ns);
  CAF_CHECK_EQUAL(open(), 0);
  hear_end(quiet);
  CAF_CHECK_EQUAL(sent(), 2u);
  CAF_CHECK_EQUAL(web.silent.value(), 1u);
}

CAF_TEST(a socket that answers pings stays for ever) {
  auto& idle = connect();
  for (unsigned i = 1; i <= 5; ++i) {
    pass(defaults::ws_ping_after - 1ns);
    CAF_CHECK_EQUAL(sent(), 2 * (i - 1));
    pass(1ns);
    CAF_CHECK_EQUAL(hear(idle), "9 ");
    CAF_CHECK_EQUAL(sent(), 2 * i);
    say(idle, pong);
  }
  CAF_CHECK_EQUAL(open(), 1);
}

CAF_TEST(each of many silent sockets has its turn) {
  for (int i = 0; i < 10; ++i)
    connect();
  pass(defaults::ws_ping_after);
  for (int second = 0; second < 3; ++second)
    pass(1s);
  CAF_CHECK_EQUAL(sent(), 20u);
  pass(defaults::ws_silence_max);
  for (int second = 0; second < 10; ++second)
    pass(1s);
  CAF_CHECK_EQUAL(open(), 0);
  CAF_CHECK_EQUAL(web.silent.value(), 10u);
}

CAF_TEST(a crowd that has to go is gone within one round) {
  for (int i = 0; i < 100; ++i)
    connect();
  pass(defaults::ws_silence_max);
  for (int second = 0; second < 3; ++second)
    pass(1s);
  CAF_CHECK_EQUAL(open(), 0);
  CAF_CHECK_EQUAL(web.silent.value(), 100u);
}

CAF_TEST(a message must be whole in time whatever comes between) {
  auto& slow = connect();
  auto& torn = connect();
  say(slow, frame(ws_opcode::text, "{", false));
  say(torn, announce.substr(0, 20));
  pass(config.header_timeout - 1s);
  say(slow, ping + frame(ws_opcode::continuation, " ", false));
  CAF_CHECK_EQUAL(hear(slow), "10 x");
  pass(1s);
  CAF_CHECK_EQUAL(open(), 2);
  pass(1ns);
  pass(1ns);
  CAF_CHECK_EQUAL(open(), 0);
  hear_end(slow);
  hear_end(torn);
  CAF_CHECK_EQUAL(web.silent.value(), 2u);
}

CAF_TEST(a client that does not take leave is cut soon after) {
  auto& rude = connect();
  say(rude, frame(ws_opcode::binary, "x"));
  CAF_CHECK_EQUAL(hear(rude), "8 \x03\xeb"s);
  say(rude, ping);
  pass(3s - 1ns);
  CAF_CHECK_EQUAL(open(), 1);
  pass(1ns);
  CAF_CHECK_EQUAL(open(), 0);
  hear_end(rude);
  CAF_CHECK_EQUAL(rude.hear().value_or(""), "");
  CAF_CHECK_EQUAL(web.silent.value(), 0u);
}

// -- too much ------------------------------------------------------------------

CAF_TEST(announces take tokens of the address whatever the socket) {
  auto& one = connect();
  auto& two = connect();
  auto& elsewhere = connect("192.0.2.2");
  CAF_CHECK(announces(one));
  CAF_CHECK(announces(one));
  CAF_CHECK(announces(two));
  CAF_CHECK(!announces(two));
  CAF_CHECK(!announces(one));
  CAF_CHECK(announces(elsewhere));
  pass(1s);
  CAF_CHECK(announces(two));
  CAF_CHECK(!announces(two));
  CAF_CHECK_EQUAL(gate.refused(refusal_kind::rate_limited).value(), 3u);
}

CAF_TEST(a few frames that ask for nothing are free) {
  auto& talker = connect();
  for (int sweep = 0; sweep < 3; ++sweep) {
    say(talker, times(limits::ws_free_frames_max, ping));
    for (size_t i = 0; i < limits::ws_free_frames_max; ++i)
      CAF_CHECK_EQUAL(hear(talker), "10 x");
    pass(1ns);
  }
  for (int i = 0; i < 3; ++i)
    CAF_CHECK(announces(talker));
}

CAF_TEST(further ones take tokens and end the socket when there are none) {
  constexpr auto affordable = limits::ws_free_frames_max + 3;
  uint64_t closed = 0;
  for (auto& flood : {pong, answer_to_nothing, ping}) {
    auto& talker = connect("192.0.2." + std::to_string(++closed));
    say(talker, times(affordable, flood));
    until([&] { return web.dropped_answers.value() >= (closed > 1 ? affordable : 0); });
    CAF_CHECK_EQUAL(web.misused.value(), closed - 1);
    say(talker, flood);
    until([&] { return web.misused.value() == closed; });
    if (flood == ping)
      for (size_t i = 0; i < affordable; ++i)
        CAF_CHECK_EQUAL(hear(talker), "10 x");
    CAF_CHECK_EQUAL(hear(talker), misuse);
    CAF_CHECK_EQUAL(gate.refused(refusal_kind::rate_limited).value(), closed);
  }
}

CAF_TEST(a new socket does not help an address whose tokens are gone) {
  auto& first = connect();
  say(first, times(limits::ws_free_frames_max + 4, pong));
  CAF_CHECK_EQUAL(hear(first), misuse);
  auto& second = connect();
  say(second, times(limits::ws_free_frames_max, pong));
  CAF_CHECK_EQUAL(web.misused.value(), 1u);
  say(second, pong);
  CAF_CHECK_EQUAL(hear(second), misuse);
}

CAF_TEST(bad messages are counted although good ones come between) {
  auto& talker = connect();
  auto both = no_message + answer_to_nothing;
  talker.send(times(40, both));
  until([&] { return web.misused.value() == 1; });
  CAF_CHECK_EQUAL(web.bad_messages.value(), limits::ws_free_frames_max + 4);
}

CAF_TEST(an exempt network may send what it likes) {
  auto& friendly = connect("10.1.2.3");
  say(friendly, times(500, ping + pong + answer_to_nothing));
  for (int i = 0; i < 500; ++i)
    CAF_CHECK_EQUAL(hear(friendly), "10 x");
  until([&] { return web.dropped_answers.value() == 500; });
  CAF_CHECK(announces(friendly));
  CAF_CHECK_EQUAL(open(), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
