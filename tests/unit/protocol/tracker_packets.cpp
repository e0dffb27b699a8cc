// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.tracker_packets

#include "core/error.hpp"
#include "core/hex.hpp"
#include "core/limits.hpp"
#include "protocol/forwarded.hpp"
#include "protocol/proxy_header.hpp"
#include "protocol/udp_tracker.hpp"
#include "protocol/websocket_frame.hpp"
#include "protocol/ws_tracker.hpp"

#include <caf/test/unit_test.hpp>

#include <random>

// Two properties of every packet of a tracker: what is written is read, and what is torn is not
// taken for something else. The seed is fixed, so a failure comes again.

using namespace shoal;
using namespace std::literals;

namespace {

using buffer = std::array<uint8_t, 4096>;

struct fixture {
  uint32_t below(uint32_t bound) { return uint32_t(random() % bound); }

  std::string text(size_t size) {
    std::string made(size, '\0');
    for (auto& c : made)
      c = static_cast<char>(random());
    return made;
  }

  template <class T>
  T id() {
    return *T::from_bytes(text(20));
  }

  /// None of the proxies of this file.
  ip_address address() {
    std::array<uint8_t, 16> bytes{};
    for (auto& b : bytes)
      b = static_cast<uint8_t>(random());
    bytes[0] = bytes[0] % 2 ? 0x2a : 0x26;
    if (below(2) == 0)
      return ip_address::v6(bytes);
    return ip_address::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
  }

  endpoint place(ip_family family) {
    endpoint made{address(), uint16_t(random())};
    return made.address.family == family ? made : place(family);
  }

  std::mt19937_64 random{20'261'121};
  buffer out{};
};

std::optional<udp_reply> reply_of(const buffer& out, size_t size,
                                  ip_family family = ip_family::v4) {
  return read_udp_reply(std::span(out).first(size), family);
}

/// A frame of a client with this mask.
std::string masked(bool fin, ws_opcode opcode, std::string_view payload, uint32_t mask) {
  std::string frame;
  append_ws_frame(frame, opcode, payload);
  auto head = frame.size() - payload.size();
  std::array<char, 4> key;
  for (size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<char>(mask >> (24 - 8 * i));
  for (size_t i = 0; i < payload.size(); ++i)
    frame[head + i] = static_cast<char>(frame[head + i] ^ key[i % 4]);
  if (!fin)
    frame[0] = static_cast<char>(frame[0] & 0x7f);
  frame[1] = static_cast<char>(frame[1] | '\x80');
  return frame.insert(head, key.data(), key.size());
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(tracker_packets_tests, fixture)

// -- UDP -----------------------------------------------------------------------

CAF_TEST(random connects and scrapes survive the round trip) {
  for (int i = 0; i < 500; ++i) {
    auto transaction = uint32_t(random());
    auto size = write_udp_connect(out, transaction);
    CAF_REQUIRE(read_udp_head(std::span(out).first(size))
                == (udp_head{udp_connect_magic, udp_action::connect, transaction}));
    std::vector<info_hash> swarms(1 + below(74));
    for (auto& swarm : swarms)
      swarm = id<info_hash>();
    udp_head head{random(), udp_action::scrape, transaction};
    size = write_udp_scrape(out, head, swarms);
    auto packet = std::span<const uint8_t>(out).first(size);
    CAF_REQUIRE(read_udp_head(packet) == head);
    auto hashes = read_udp_scrape(packet);
    CAF_REQUIRE_EQUAL(hashes.size(), swarms.size() * 20);
    for (size_t n = 0; n < swarms.size(); ++n)
      CAF_REQUIRE(info_hash::from_bytes(hashes.subspan(n * 20, 20)) == swarms[n]);
  }
}

CAF_TEST(random replies survive the round trip) {
  for (int i = 0; i < 500; ++i) {
    auto family = i % 2 == 0 ? ip_family::v4 : ip_family::v6;
    udp_connect_reply connected{uint32_t(random()), random()};
    auto read = reply_of(out, write_udp_connect_reply(out, connected));
    CAF_REQUIRE(std::get<udp_connect_reply>(*read) == connected);
    auto peers = text(below(75) * udp_peer_bytes(family));
    udp_announce_reply announced{uint32_t(random()), uint32_t(random()), uint32_t(random()),
                                 uint32_t(random()), peers};
    read = reply_of(out, write_udp_announce_reply(out, announced, family), family);
    CAF_REQUIRE(std::get<udp_announce_reply>(*read) == announced);
    auto reason = text(below(200));
    udp_error_reply failed{uint32_t(random()), reason};
    read = reply_of(out, write_udp_error(out, failed));
    CAF_REQUIRE(std::get<udp_error_reply>(*read) == failed);
  }
}

CAF_TEST(every truncation of a reply is refused or a shorter reply) {
  std::string peers(36, 'p');
  for (auto family : {ip_family::v4, ip_family::v6}) {
    auto size = write_udp_announce_reply(out, {1, 2, 3, 4, peers}, family);
    for (size_t n = 0; n < size; ++n) {
      auto whole = n >= 20 && (n - 20) % udp_peer_bytes(family) == 0;
      CAF_CHECK_EQUAL(reply_of(out, n, family).has_value(), whole);
    }
  }
  auto size = write_udp_scrape_head(out, 5);
  for (uint32_t i = 0; i < 3; ++i)
    size += write_udp_scrape_counts(std::span(out).subspan(size), {i, i, i});
  for (size_t n = 0; n < size; ++n)
    CAF_CHECK_EQUAL(reply_of(out, n).has_value(), n >= 8 && (n - 8) % 12 == 0);
  size = write_udp_connect_reply(out, {1, 2});
  for (size_t n = 0; n < size; ++n)
    CAF_CHECK(!reply_of(out, n));
  size = write_udp_error(out, {1, "why"});
  for (size_t n = 0; n < size; ++n)
    CAF_CHECK_EQUAL(reply_of(out, n).has_value(), n >= 8);
}

// -- proxies -------------------------------------------------------------------

CAF_TEST(random PROXY headers are read as they were written and no beginning of one is) {
  for (int i = 0; i < 300; ++i) {
    auto family = i % 2 == 0 ? ip_family::v4 : ip_family::v6;
    auto from = place(family);
    auto to = place(family);
    std::array<std::string, 3> all;
    append_proxy_header_v1(all[0], from, to);
    append_proxy_header_v2(all[1], from, to, proxy_transport::stream);
    append_proxy_header_v2(all[2], from, to, proxy_transport::datagram);
    for (auto& whole : all) {
      auto read = parse_proxy_header(as_bytes(whole + text(below(50))));
      CAF_REQUIRE(read && *read && **read == (proxy_header{whole.size(), from, to}));
      for (size_t n = 0; n < whole.size(); ++n) {
        auto less = parse_proxy_header(as_bytes(whole.substr(0, n)));
        CAF_REQUIRE(less && !*less);
        CAF_REQUIRE(!parse_proxy_datagram(as_bytes(whole.substr(0, n))));
      }
    }
  }
}

CAF_TEST(whatever is forwarded the last hop that is no proxy counts) {
  const std::vector<cidr> proxies{*cidr::parse("10.0.0.0/8"), *cidr::parse("fd00::/8")};
  auto proxy = *ip_address::parse("10.0.0.1");
  for (int i = 0; i < 2000; ++i) {
    auto client = address();
    std::string list = client.str();
    for (auto hops = below(5); hops > 0; --hops)
      list += below(2) ? ", 10.9.8.7" : ",fd00::2";
    auto before = text(below(40));
    std::vector<std::string> headers{before + "," + list};
    if (below(2) == 0)
      headers = {before, list};
    std::vector<std::string_view> views(headers.begin(), headers.end());
    CAF_REQUIRE(real_address(proxy, proxies, views) == client);
    CAF_REQUIRE(real_address(client, proxies, views) == client);
  }
}

CAF_TEST(every truncation of a list of hops gives a hop or the proxy) {
  const std::vector<cidr> proxies{*cidr::parse("10.0.0.0/8")};
  auto proxy = *ip_address::parse("10.0.0.1");
  auto whole = "9.9.9.99, [2606:4700::1]:443, 8.8.8.8:80,10.0.0.2"s;
  for (size_t n = 0; n <= whole.size(); ++n) {
    auto part = whole.substr(0, n);
    auto comma = part.rfind(',');
    auto last = part.substr(comma == std::string::npos ? 0 : comma + 1);
    std::vector<std::string_view> alone{last};
    std::vector<std::string_view> all{part};
    auto expected = real_address(proxy, proxies, alone);
    // An empty element, or a proxy, leaves it to those before.
    if (last.find_first_not_of(' ') == std::string::npos || n == whole.size())
      continue;
    CAF_CHECK_EQUAL(real_address(proxy, proxies, all).str(), expected.str());
  }
}

// -- WebSocket -----------------------------------------------------------------

CAF_TEST(random messages survive frames of any cut and mask) {
  for (int i = 0; i < 300; ++i) {
    auto message = text(below(3) == 0 ? below(70'000) : below(300));
    std::string bytes;
    size_t at = 0;
    for (bool first = true, fin = false; !fin; first = false) {
      auto size = std::min<size_t>(message.size() - at, 1 + below(40'000));
      fin = at + size == message.size();
      bytes += masked(fin, first ? ws_opcode::text : ws_opcode::continuation,
                      std::string_view{message}.substr(at, size), uint32_t(random()));
      at += size;
    }
    ws_assembler whole{message.size()};
    std::span rest{bytes};
    auto outcome = ws_assembler::outcome::more;
    while (outcome == ws_assembler::outcome::more) {
      auto torn = std::string{rest.data(), below(6)}; // The shortest frame has six bytes.
      auto less = next_ws_frame(torn, message.size());
      CAF_REQUIRE(less.what == ws_step::kind::incomplete);
      auto step = next_ws_frame(rest, message.size());
      CAF_REQUIRE(step.what == ws_step::kind::frame);
      rest = rest.subspan(step.used);
      outcome = whole.add(step.frame);
    }
    CAF_REQUIRE(outcome == ws_assembler::outcome::complete);
    CAF_REQUIRE(rest.empty());
    CAF_REQUIRE(whole.message() == message);
  }
}

CAF_TEST(random answers survive the round trip and no beginning of one is a message) {
  ws_decoder decoder;
  for (int i = 0; i < 100; ++i) {
    ws_answer sent{id<info_hash>(), id<peer_id>(), id<peer_id>(), id<offer_id>(), {}};
    for (auto n = below(300); n > 0; --n)
      sent.sdp += static_cast<char>(below(0x80));
    std::string json;
    append_ws_answer(json, sent.swarm, sent.peer, {sent.offer, sent.sdp});
    std::string to;
    append_ws_answer(to, sent.swarm, sent.to, {sent.offer, {}});
    // What the tracker writes names the sender only: the receiver's name is taken from another one.
    auto from = to.find(R"("peer_id":)");
    auto receiver = to.substr(from, to.find(R"(,"info_hash")") - from);
    json.insert(1, R"("to_)" + receiver.substr(1) + ",");
    auto read = decoder.decode(json);
    CAF_REQUIRE(read && std::get<ws_answer>(*read) == sent);
    for (size_t n = 0; n < json.size(); ++n)
      CAF_REQUIRE(!decoder.decode(std::string_view{json}.substr(0, n)));
  }
}

CAF_TEST(no beginning of a scrape is a message) {
  ws_decoder decoder;
  auto whole
      = R"({"action":"scrape","info_hash":["hhhhhhhhhhhhhhhhhhhh","\u0000iiiiiiiiiiiiiiiiiii"]})"s;
  CAF_REQUIRE(decoder.decode(whole));
  for (size_t n = 0; n < whole.size(); ++n)
    CAF_CHECK(!decoder.decode(std::string_view{whole}.substr(0, n)));
}

CAF_TEST_FIXTURE_SCOPE_END()
