// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE udp.datagram

#include "udp/datagram.hpp"

#include "tests/unit/udp/loopback.hpp"

#include <caf/test/unit_test.hpp>

#include <deque>

using namespace shoal;
using namespace shoal::udp;
using namespace shoal::test;

namespace {

endpoint at(std::string_view ip, uint16_t port = 0) {
  return {*ip_address::parse(ip), port};
}

unique_fd open(std::string_view ip, uint16_t port = 0, unsigned buffer_bytes = 1 << 20) {
  auto opened = open_datagram_socket(at(ip, port), buffer_bytes);
  CAF_REQUIRE(opened);
  return unique_fd{*opened};
}

packet text(std::string_view chars) {
  return {chars.begin(), chars.end()};
}

/// The answer to a packet of the batch.
outgoing answer_to(const receive_batch& batch, size_t index, std::string_view chars) {
  outgoing made;
  batch.copy_path(index, made.path);
  made.size = chars.size();
  std::copy(chars.begin(), chars.end(), made.bytes.begin());
  return made;
}

// CAF's checks keep references: what they get must not hang on a temporary.
size_t taken(receive_batch& batch, const unique_fd& from) {
  auto got = batch.receive(from.get());
  CAF_REQUIRE(got);
  return *got;
}

} // namespace

// -- sockets -------------------------------------------------------------------

CAF_TEST(edges share an address and strangers do not ) {
  auto one = open("127.0.0.1");
  auto port = bound_to(one.get()).port;
  auto two = open("127.0.0.1", port);
  CAF_CHECK_EQUAL(bound_to(two.get()).port, port);
  auto usable = usable_datagram_addresses({at("127.0.0.1", port)});
  CAF_REQUIRE(!usable);
  CAF_CHECK(usable.error().code == ec::unavailable);
  CAF_CHECK_NOT_EQUAL(usable.error().detail.find(at("127.0.0.1", port).str()), std::string::npos);
}

CAF_TEST(an address that this machine does not have is refused) {
  auto opened = open_datagram_socket(at("192.0.2.1"), 1 << 16);
  CAF_REQUIRE(!opened);
  CAF_CHECK(opened.error().code == ec::unavailable);
  CAF_CHECK(!usable_datagram_addresses({at("127.0.0.1"), at("192.0.2.1")}));
}

CAF_TEST(an address of IPv6 is left out if there is another one) {
  auto v4 = at("127.0.0.1");
  auto v6 = at("2001:db8::1");
  auto usable = usable_datagram_addresses({v6, v4});
  CAF_REQUIRE(usable);
  CAF_CHECK(*usable == std::vector{v4});
  CAF_CHECK(!usable_datagram_addresses({v6}));
  auto both = usable_datagram_addresses({at("::1"), v4});
  CAF_REQUIRE(both);
  CAF_CHECK_EQUAL(both->size(), 2u);
  auto twice = usable_datagram_addresses({v4, v4});
  CAF_REQUIRE(twice);
  CAF_CHECK(*twice == std::vector{v4});
}

CAF_TEST(a socket of IPv6 leaves IPv4 to another one) {
  auto v6 = open("::");
  auto port = bound_to(v6.get()).port;
  loopback_client nobody;
  nobody.send(at("127.0.0.1", port), text("x"));
  receive_batch batch;
  CAF_CHECK_EQUAL(taken(batch, v6), 0u);
  auto v4 = open("0.0.0.0", port);
  loopback_client client;
  client.send(at("127.0.0.1", port), text("x"));
  CAF_CHECK_EQUAL(taken(batch, v6), 0u);
  CAF_CHECK_EQUAL(taken(batch, v4), 1u);
}

CAF_TEST(what the kernel drops is counted) {
  auto socket = open("127.0.0.1", 0, 1);
  CAF_CHECK_EQUAL(look_at_queue(socket.get()).dropped, 0u);
  loopback_client client;
  packet large(2000);
  for (int i = 0; i < 100; ++i)
    client.send(bound_to(socket.get()), large);
  receive_batch batch;
  auto kept = taken(batch, socket);
  CAF_CHECK_LESS(kept, batch_max);
  CAF_CHECK_EQUAL(look_at_queue(socket.get()).dropped, 100 - kept);
  CAF_CHECK_EQUAL(look_at_queue(-1).dropped, 0u);
}

// -- receiving -----------------------------------------------------------------

CAF_TEST(packets come in the order they were sent and in batches) {
  auto socket = open("127.0.0.1");
  receive_batch batch;
  CAF_CHECK_EQUAL(taken(batch, socket), 0u);
  loopback_client client;
  for (size_t i = 0; i < batch_max + 3; ++i)
    client.send(bound_to(socket.get()), packet(i, uint8_t(i)));
  CAF_CHECK_EQUAL(taken(batch, socket), batch_max);
  for (size_t i = 0; i < batch_max; ++i) {
    auto bytes = batch.bytes(i);
    CAF_CHECK(packet(bytes.begin(), bytes.end()) == packet(i, uint8_t(i)));
    CAF_CHECK_EQUAL(batch.source(i), client.address());
  }
  CAF_CHECK_EQUAL(taken(batch, socket), 3u);
  CAF_CHECK_EQUAL(batch.bytes(2).size(), batch_max + 2);
  CAF_CHECK_EQUAL(taken(batch, socket), 0u);
}

CAF_TEST(a packet that is too long comes as an empty one) {
  auto socket = open("::1");
  loopback_client client{"::1"};
  for (auto size :
       {limits::udp_packet_bytes_max, limits::udp_packet_bytes_max + 1, size_t{60'000}, size_t{7}})
    client.send(bound_to(socket.get()), packet(size));
  receive_batch batch;
  CAF_CHECK_EQUAL(taken(batch, socket), 4u);
  CAF_CHECK_EQUAL(batch.bytes(0).size(), limits::udp_packet_bytes_max);
  CAF_CHECK(batch.bytes(1).empty());
  CAF_CHECK(batch.bytes(2).empty());
  CAF_CHECK_EQUAL(batch.bytes(3).size(), 7u);
  CAF_CHECK_EQUAL(batch.source(2), client.address());
}

CAF_TEST(an error of the socket is none of no packets) {
  receive_batch batch;
  CAF_CHECK(!batch.receive(-1));
}

// -- sending -------------------------------------------------------------------

CAF_TEST(an answer leaves from the address that was asked) {
  auto any = open("0.0.0.0");
  auto one = open("127.0.0.1");
  auto any6 = open("::");
  receive_batch batch;
  for (auto [socket, asked, own] :
       {std::tuple{&any, "127.0.0.5", "127.0.0.9"}, std::tuple{&any, "127.0.0.6", "127.0.0.9"},
        std::tuple{&one, "127.0.0.1", "127.0.0.9"}, std::tuple{&any6, "::1", "::1"}}) {
    loopback_client client{own};
    auto target = at(asked, bound_to(socket->get()).port);
    client.send(target, text("ping"));
    CAF_REQUIRE_EQUAL(taken(batch, *socket), 1u);
    auto out = answer_to(batch, 0, "pong");
    CAF_CHECK_EQUAL(out.path.control_bytes != 0, socket != &one);
    std::array<outgoing*, 1> all{&out};
    auto sent = send_all(socket->get(), all);
    CAF_CHECK_EQUAL(sent.packets, 1u);
    CAF_CHECK_EQUAL(sent.bytes, 4u);
    CAF_CHECK_EQUAL(sent.failed, 0u);
    auto got = client.receive();
    CAF_REQUIRE(got);
    CAF_CHECK(got->bytes == text("pong"));
    CAF_CHECK_EQUAL(got->from, target);
  }
}

CAF_TEST(one packet that the kernel refuses does not hold up the others) {
  auto socket = open("127.0.0.1");
  loopback_client client;
  client.send(bound_to(socket.get()), text("ping"));
  receive_batch batch;
  CAF_REQUIRE_EQUAL(taken(batch, socket), 1u);
  std::deque<outgoing> made;
  std::vector<outgoing*> all;
  for (size_t i = 0; i < 2 * batch_max + 5; ++i) {
    made.push_back(answer_to(batch, 0, std::to_string(i)));
    all.push_back(&made.back());
  }
  for (size_t bad : {size_t{0}, size_t{1}, batch_max + 7, 2 * batch_max + 4})
    all[bad]->path.from.v4.sin_port = 0;
  auto sent = send_all(socket.get(), all);
  CAF_CHECK_EQUAL(sent.failed, 4u);
  CAF_CHECK_EQUAL(sent.packets, 2 * batch_max + 1);
  for (size_t i = 2; i < 2 * batch_max + 4; ++i) {
    if (i == batch_max + 7)
      continue;
    auto got = client.receive();
    CAF_REQUIRE(got);
    CAF_CHECK(got->bytes == text(std::to_string(i)));
  }
  CAF_CHECK(!client.receive());
}

CAF_TEST(nothing to send is sent) {
  auto sent = send_all(-1, {});
  CAF_CHECK_EQUAL(sent.packets + sent.failed, 0u);
}
