// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE udp.tracker

#include "udp/tracker.hpp"

#include "actors/swarm.hpp"
#include "protocol/passkey.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/udp/loopback.hpp"

#include <sstream>

using namespace shoal;
using namespace shoal::udp;
using namespace shoal::test;
using namespace std::literals;

namespace {

constexpr unix_seconds noon = 1'700'000'040; // Where a window of connection ids begins.
constexpr std::array hosts{"127.0.0.1"sv, "::1"sv};

uint32_t u32_at(const packet& bytes, size_t place) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i)
    value = value << 8 | bytes.at(place + i);
  return value;
}

uint64_t u64_at(const packet& bytes, size_t place) {
  return uint64_t{u32_at(bytes, place)} << 32 | u32_at(bytes, place + 4);
}

/// "action transaction rest": an error's text, else numbers, for the checks to show.
std::string text(const packet& reply) {
  auto head = std::to_string(u32_at(reply, 0));
  if (head == "3")
    return "3 " + std::string{reply.begin() + 8, reply.end()};
  for (size_t at = 8; at + 4 <= reply.size(); at += 4)
    head += " " + std::to_string(u32_at(reply, at));
  return head;
}

packet connect_packet(uint32_t transaction = 7) {
  packet out(udp_head_bytes);
  SHOAL_CHECK(write_udp_connect(out, transaction) == out.size());
  return out;
}

packet scrape_packet(uint64_t connection, const std::vector<info_hash>& swarms) {
  packet out(udp_head_bytes + 20 * swarms.size());
  SHOAL_CHECK(write_udp_scrape(out, {connection, udp_action::scrape, 7}, swarms) == out.size());
  return out;
}

/// One option of BEP 41.
std::string url_data(std::string_view piece) {
  return "\x02"s + static_cast<char>(piece.size()) + std::string{piece};
}

/// One edge's tracker with a socket for each family, and clients on the loopback interface.
struct fixture : tracker_fixture {
  ~fixture() override { port.reset(); }

  /// Changes to the configuration come before.
  void start() {
    if (gate)
      return;
    gate = std::make_unique<tracker_gate>(rules, *directory, hash_key{}, metrics);
    srv = std::make_unique<service>(config, *gate, *directory, hash_key{3, 4}, metrics);
    port = std::make_unique<edge_port>(sys, settings.shards, [] {});
    port->loop().bind_to_this_thread();
    mine = std::make_unique<udp::tracker>(*srv, *port, sockets.size());
    mine->tick(noon, clock);
  }

  void pass(std::chrono::seconds by) {
    clock += by;
    mine->tick(noon, clock);
  }

  /// Hands one packet to the tracker, as a guest does.
  void send(loopback_client& from, const packet& bytes) {
    start();
    auto socket = socket_of(from);
    from.send(bound_to(sockets[socket].get()), bytes);
    auto got = batch.receive(sockets[socket].get());
    CAF_REQUIRE_EQUAL(got.value_or(0), 1u);
    mine->handle(batch, 1, socket, clock);
  }

  void run_swarms() {
    while (port->run()) {
    }
  }

  /// What is ready to be sent by the client's socket.
  std::vector<packet> take_replies(loopback_client& to) {
    std::vector<packet> replies;
    for (auto* out : mine->ready(socket_of(to)))
      replies.emplace_back(out->bytes.begin(),
                           out->bytes.begin() + static_cast<ptrdiff_t>(out->size));
    mine->drop_ready(socket_of(to));
    return replies;
  }

  /// @returns nothing if the packet is ignored.
  std::optional<packet> ask(loopback_client& from, const packet& bytes) {
    send(from, bytes);
    run_swarms();
    auto replies = take_replies(from);
    CAF_REQUIRE_LESS_OR_EQUAL(replies.size(), 1u);
    if (replies.empty())
      return std::nullopt;
    CAF_CHECK_EQUAL(u32_at(replies[0], 4), 7u);
    CAF_CHECK_LESS_OR_EQUAL(replies[0].size(), limits::udp_reply_bytes_max);
    return replies[0];
  }

  /// What `ask` returns, as text; "" if ignored.
  std::string answer(loopback_client& from, const packet& bytes) {
    auto reply = ask(from, bytes);
    return reply ? text(*reply) : "";
  }

  uint64_t connect(loopback_client& from) {
    auto reply = ask(from, connect_packet());
    CAF_REQUIRE(reply);
    CAF_REQUIRE_EQUAL(reply->size(), 16u);
    return u64_at(*reply, 8);
  }

  packet announce_packet(uint64_t connection, uint16_t n, std::string_view options = {}) {
    udp_announce what = said;
    what.peer.bytes[18] = static_cast<uint8_t>(n >> 8);
    what.peer.bytes[19] = static_cast<uint8_t>(n);
    what.key = n;
    what.port = n == 0 ? uint16_t{0} : static_cast<uint16_t>(6000 + n);
    packet out(udp_announce_bytes);
    udp_head head{connection, udp_action::announce, 7};
    SHOAL_CHECK(write_udp_announce(out, head, what) == out.size());
    out.insert(out.end(), options.begin(), options.end());
    return out;
  }

  std::string announce(loopback_client& from, uint16_t n, std::string_view options = {}) {
    return answer(from, announce_packet(connect(from), n, options));
  }

  std::string scrape(loopback_client& from) {
    return answer(from, scrape_packet(connect(from), {said.swarm}));
  }

  /// Of a series, by all that stands before its value.
  int64_t counted(const std::string& series) const {
    std::string all;
    metrics.render(all);
    auto at = all.find("\n" + series + " ");
    CAF_REQUIRE_NOT_EQUAL(at, std::string::npos);
    return std::stoll(all.substr(at + series.size() + 2));
  }

  static size_t socket_of(const loopback_client& client) {
    return client.address().address.is_v4() ? 0 : 1;
  }

  static unique_fd open(std::string_view host) {
    auto opened = open_datagram_socket({*ip_address::parse(host), 0}, 1 << 20);
    CAF_REQUIRE(opened);
    return unique_fd{*opened};
  }

  std::array<unique_fd, 2> sockets{open(hosts[0]), open(hosts[1])};
  tracker_config rules = [] {
    tracker_config open;
    open.open = true;
    open.rate_per_second = 0;
    return open;
  }();
  udp_config config;
  std::unique_ptr<tracker_gate> gate;
  std::unique_ptr<service> srv;
  std::unique_ptr<edge_port> port;
  std::unique_ptr<udp::tracker> mine;
  receive_batch batch;
  mono_time clock{1000s};
  udp_announce said = [] {
    udp_announce first;
    first.swarm = hash20('h');
    first.left_bytes = 5;
    return first;
  }();
  loopback_client alice{"127.0.0.2"};
  loopback_client bob{"127.0.0.3"};
  loopback_client carol{"::1"};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(udp_tracker_tests, fixture)

// -- what is asked and answered ------------------------------------------------

CAF_TEST(each family is handed out its own peers) {
  for (auto* seed : {&alice, &carol}) {
    said.left_bytes = 0;
    announce(*seed, seed == &alice ? 1 : 2);
  }
  said.left_bytes = 5;
  CAF_MESSAGE("interval and leechers and seeders and then address and port");
  auto four = ask(bob, announce_packet(connect(bob), 3));
  CAF_REQUIRE(four);
  CAF_CHECK_EQUAL(to_hex(*four), "00000001"
                                 "00000007"
                                 "00000708"
                                 "00000001"
                                 "00000002"
                                 "7f000002"
                                 "1771");
  auto six = ask(carol, announce_packet(connect(carol), 4));
  CAF_REQUIRE(six);
  CAF_CHECK_EQUAL(to_hex(*six), "00000001"
                                "00000007"
                                "00000708"
                                "00000002"
                                "00000002"
                                "00000000000000000000000000000001"
                                "1772");
}

CAF_TEST(peers of the other family take no place) {
  said.left_bytes = 0;
  for (auto* seed : {&alice, &carol}) {
    auto connection = connect(*seed);
    for (uint16_t n = 1; n <= 8; ++n)
      CAF_REQUIRE(ask(*seed, announce_packet(connection, n)));
  }
  said.left_bytes = 5;
  said.numwant = 8;
  CAF_CHECK_EQUAL(ask(bob, announce_packet(connect(bob), 20)).value().size(), 20u + 8 * 6);
  CAF_CHECK_EQUAL(ask(carol, announce_packet(connect(carol), 21)).value().size(), 20u + 8 * 18);
}

CAF_TEST(event four is a partial seed and unknown ones are none) {
  said.event = announce_event::paused;
  auto raw = announce_packet(connect(alice), 1);
  CAF_CHECK_EQUAL(raw[83], 4);
  CAF_CHECK_EQUAL(answer(alice, raw), "1 1800 1 0");
  raw[83] = 77;
  CAF_CHECK_EQUAL(answer(alice, raw), "1 1800 1 0");
  said.event = announce_event::stopped;
  CAF_CHECK_EQUAL(announce(alice, 1), "1 1800 0 0");
}

CAF_TEST(a scrape answers for each of 74 hashes in their order and no more) {
  announce(alice, 1);
  said.left_bytes = 0;
  announce(bob, 2);
  std::vector<info_hash> asked;
  for (uint8_t n = 0; n < 80; ++n)
    asked.push_back(hash20(n));
  asked[0] = asked[73] = said.swarm;
  for (size_t count : {size_t{1}, size_t{73}, size_t{74}, size_t{75}, size_t{80}}) {
    auto some = std::vector(asked.begin(), asked.begin() + static_cast<ptrdiff_t>(count));
    auto reply = ask(alice, scrape_packet(connect(alice), some));
    CAF_REQUIRE(reply);
    auto answered = std::min(count, size_t{74});
    CAF_REQUIRE_EQUAL(reply->size(), 8 + 12 * answered);
    for (size_t i = 0; i < answered; ++i) {
      auto known = i == 0 || i == 73;
      CAF_CHECK_EQUAL(u32_at(*reply, 8 + 12 * i), known ? 1u : 0u);  // Seeders.
      CAF_CHECK_EQUAL(u32_at(*reply, 12 + 12 * i), 0u);              // Completed.
      CAF_CHECK_EQUAL(u32_at(*reply, 16 + 12 * i), known ? 1u : 0u); // Leechers.
    }
  }
}

CAF_TEST(a reply fills 1352 bytes and no more) {
  rules.max_peers = 1000;
  said.numwant = 1000;
  for (auto* client : {&alice, &carol}) {
    said.swarm = hash20(client == &alice ? 'a' : 'c');
    auto connection = connect(*client);
    for (uint16_t n = 1; n <= 300; ++n)
      CAF_REQUIRE(ask(*client, announce_packet(connection, n)));
    auto reply = ask(*client, announce_packet(connection, 301));
    CAF_REQUIRE(reply);
    CAF_CHECK_EQUAL(reply->size(), 1352u); // 222 peers of 6 bytes or 74 of 18.
  }
}

// -- torn packets --------------------------------------------------------------

CAF_TEST(every truncation is ignored or answered as what is left of it) {
  auto connection = connect(alice);
  auto whole = announce_packet(connection, 1, url_data("/announce") + "\x01\x63\x01x");
  for (size_t n = 0; n <= whole.size(); ++n)
    CAF_CHECK_EQUAL(answer(alice, {whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n)}),
                    n < udp_announce_bytes ? "" : "1 1800 1 0");
  auto hashes = scrape_packet(connection, {said.swarm, hash20('x')});
  for (size_t n = 0; n <= hashes.size(); ++n)
    CAF_CHECK_EQUAL(answer(alice, {hashes.begin(), hashes.begin() + static_cast<ptrdiff_t>(n)}),
                    n == 36   ? "2 0 0 1"
                    : n == 56 ? "2 0 0 1 0 0 0"
                              : "");
  auto malformed = counted("shoal_udp_packets_total{kind=\"malformed\"}");
  CAF_CHECK_EQUAL(malformed, 98 + 57 - 2);
  auto first = connect_packet();
  for (size_t n = 0; n < first.size(); ++n)
    CAF_CHECK(!ask(alice, {first.begin(), first.begin() + static_cast<ptrdiff_t>(n)}));
}

CAF_TEST(packets longer than any of a client are ignored) {
  auto longest = announce_packet(connect(alice), 1);
  longest.resize(limits::udp_packet_bytes_max);
  CAF_CHECK_EQUAL(answer(alice, longest), "1 1800 1 0");
  longest.push_back(0);
  CAF_CHECK_EQUAL(answer(alice, longest), "");
}

// -- who may come in -----------------------------------------------------------

CAF_TEST(a passkey comes in the URL however it is cut into options) {
  rules.secrets = {"secret"};
  auto url = "/announce/" + *make_passkey("secret", "alice");
  constexpr auto missing = "3 Unauthorized: Passkey required in path (/announce/ID.SIG)";
  CAF_CHECK_EQUAL(announce(alice, 1), missing);
  CAF_CHECK_EQUAL(announce(alice, 1, url_data("/announce")), missing);
  CAF_CHECK_EQUAL(announce(alice, 1, url_data(url + "0")), "3 Unauthorized");
  CAF_CHECK_EQUAL(scrape(alice), missing);
  CAF_CHECK_EQUAL(announce(alice, 1, url_data(url)), "1 1800 1 0");
  for (size_t cut = 0; cut <= url.size(); ++cut) {
    auto options = "\x01"s + url_data(url.substr(0, cut)) + "\x63\x03xyz"
                   + url_data(url.substr(cut)) + '\0' + "behind the end";
    CAF_CHECK_EQUAL(announce(alice, 1, options), "1 1800 1 0");
  }
  CAF_MESSAGE("a scrape has no place for a passkey so the address counts for a while");
  CAF_CHECK_EQUAL(scrape(alice), "2 0 0 1");
  CAF_CHECK_EQUAL(scrape(bob), missing);
  pass(3599s);
  CAF_CHECK_EQUAL(scrape(alice), "2 0 0 1");
  pass(1s);
  CAF_CHECK_EQUAL(scrape(alice), missing);
}

CAF_TEST(what is refused is told why) {
  rules.open = false;
  CAF_CHECK_EQUAL(announce(alice, 1), "3 Unregistered torrent: info_hash not found in registry");
  auto entry = std::make_shared<registration>();
  entry->primary = said.swarm;
  entry->counts = std::make_shared<entry_counts>();
  directory->put_registration(said.swarm, entry);
  CAF_CHECK_EQUAL(announce(alice, 1), "1 1800 1 0");
  CAF_CHECK_EQUAL(announce(alice, 0), "3 Invalid announce: port is 0");
  directory->set_blocked(said.swarm, true);
  CAF_CHECK_EQUAL(announce(alice, 1), "3 info_hash is blocked");
  CAF_CHECK_EQUAL(scrape(alice), "2 0 0 0");
  said.event = announce_event::stopped;
  directory->set_blocked(said.swarm, false);
  auto leaving = announce_packet(connect(alice), 1);
  leaving[96] = leaving[97] = 0; // Who leaves needs no port.
  CAF_CHECK_EQUAL(answer(alice, leaving), "1 1800 0 0");
}

CAF_TEST(announces and scrapes take tokens and connects do not ) {
  rules.rate_per_second = 1;
  rules.rate_burst = 2;
  auto connection = connect(alice);
  CAF_CHECK_EQUAL(answer(alice, announce_packet(connection, 1)), "1 1800 1 0");
  CAF_CHECK_EQUAL(answer(alice, scrape_packet(connection, {said.swarm})), "2 0 0 1");
  constexpr auto slow_down = "3 Rate limit exceeded. Please slow down.";
  CAF_CHECK_EQUAL(answer(alice, announce_packet(connection, 1)), slow_down);
  CAF_CHECK_EQUAL(answer(alice, scrape_packet(connection, {said.swarm})), slow_down);
  connect(alice);
  CAF_CHECK_EQUAL(announce(bob, 2).substr(0, 10), "1 1800 2 0");
  pass(1s);
  CAF_CHECK_EQUAL(answer(alice, scrape_packet(connection, {said.swarm})), "2 0 0 2");
}

// -- connection ids ------------------------------------------------------------

CAF_TEST(errors about bad ids are few for an address and for a thread) {
  config.ban_after = 0;
  constexpr auto mismatch = "3 Connection ID mismatch";
  auto errors = [&](loopback_client& from, int packets) {
    int count = 0;
    for (int i = 0; i < packets; ++i)
      count += answer(from, announce_packet(1, 1)) == mismatch;
    return count;
  };
  CAF_CHECK_EQUAL(errors(alice, 50), 10);
  CAF_CHECK_EQUAL(errors(bob, 5), 5);
  pass(1s);
  CAF_CHECK_EQUAL(errors(alice, 50), 2);
  CAF_CHECK_EQUAL(counted("shoal_udp_errors_withheld_total"), 40 + 48);
  CAF_CHECK_EQUAL(counted("shoal_udp_errors_sent_total"), 17);
}

CAF_TEST(nobody makes a thread send more than a thousand errors a second) {
  rules.unlimited_networks = {*cidr::parse("127.0.0.0/8")};
  auto errors = [&] {
    size_t count = 0;
    for (int i = 0; i < 1100; ++i)
      count += ask(alice, scrape_packet(1, {said.swarm})).has_value();
    return count;
  };
  CAF_CHECK_EQUAL(errors(), limits::udp_errors_per_second_max);
  pass(1s);
  CAF_CHECK_EQUAL(errors(), limits::udp_errors_per_second_max);
}

CAF_TEST(bad ids ban an address but not who has a good one) {
  config.ban_after = 3;
  auto good = connect(alice);
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(answer(alice, announce_packet(good ^ 256, 1)), "3 Connection ID mismatch");
  CAF_CHECK_EQUAL(answer(alice, announce_packet(good ^ 256, 1)), "");
  CAF_CHECK_EQUAL(answer(alice, connect_packet()), "");
  CAF_CHECK_EQUAL(answer(alice, announce_packet(good, 1)), "1 1800 1 0");
  CAF_CHECK(ask(bob, connect_packet()));
  pass(120s);
  CAF_CHECK(ask(alice, connect_packet()));
  CAF_CHECK_EQUAL(counted("shoal_udp_bans_total"), 1);
}

CAF_TEST(a change of secrets refuses nobody) {
  config.secrets = {"first"};
  auto first = connect(alice);
  auto works
      = [&](uint64_t id) { return answer(alice, scrape_packet(id, {said.swarm})) == "2 0 0 0"; };
  CAF_CHECK(srv->change_secrets(std::array{"second"s}, clock));
  for (int second = 0; second < 5; ++second) {
    CAF_CHECK(works(first));
    CAF_CHECK(works(connect(alice)));
    pass(1s);
  }
  auto second = connect(alice);
  CAF_CHECK_NOT_EQUAL(first, second);
  CAF_CHECK(!srv->change_secrets(std::array{"second"s}, clock));
  CAF_CHECK(srv->change_secrets(std::array{"third"s}, clock));
  pass(5s);
  CAF_CHECK(works(second));
  CAF_CHECK(!works(first));
}

// -- too much at once ----------------------------------------------------------

/// Whether an announce was answered by nobody: the longest interval, a tenth more or less.
bool asks_for_patience(const std::string& reply) {
  std::istringstream numbers{reply};
  uint32_t action = 0, interval_s = 0, leechers = 9, seeders = 9;
  numbers >> action >> interval_s >> leechers >> seeders;
  return action == 1 && interval_s >= 3240 && interval_s <= 3960 && leechers + seeders == 0;
}

CAF_TEST(a swarm that is late leaves a reply without peers) {
  announce(alice, 1);
  auto busy = swarm_of(said.swarm);
  auto& late = *static_cast<swarm*>(caf::actor_cast<caf::abstract_actor*>(busy));
  auto connection = connect(bob);
  CAF_REQUIRE(late.begin_turn(&port->loop()));
  send(bob, announce_packet(connection, 2));
  run_swarms();
  CAF_CHECK(take_replies(bob).empty());
  CAF_CHECK_EQUAL(mine->in_flight(), 1u);
  port->sweep(clock + defaults::request_timeout + 1ms);
  auto replies = take_replies(bob);
  CAF_REQUIRE_EQUAL(replies.size(), 1u);
  CAF_CHECK(asks_for_patience(text(replies[0])));
  CAF_CHECK_EQUAL(mine->in_flight(), 0u);
  CAF_CHECK_EQUAL(counted("shoal_unanswered_announces_total"), 1);
  late.end_turn();
  run_swarms();
  CAF_CHECK(take_replies(bob).empty());
}

CAF_TEST(requests beyond those in flight are answered at once and without peers) {
  auto connection = connect(alice);
  for (size_t i = 0; i < limits::udp_in_flight_max; ++i)
    send(alice, announce_packet(connection, 1));
  CAF_CHECK(take_replies(alice).empty());
  CAF_CHECK_EQUAL(mine->in_flight(), limits::udp_in_flight_max);
  send(alice, announce_packet(connection, 2));
  auto replies = take_replies(alice);
  CAF_REQUIRE_EQUAL(replies.size(), 1u);
  CAF_CHECK(asks_for_patience(text(replies[0])));
  run_swarms();
  CAF_CHECK_EQUAL(take_replies(alice).size(), limits::udp_in_flight_max);
  CAF_CHECK_EQUAL(mine->in_flight(), 0u);
  CAF_CHECK_EQUAL(announce(bob, 3).substr(0, 10), "1 1800 2 0");
}

CAF_TEST_FIXTURE_SCOPE_END()
