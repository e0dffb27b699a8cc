// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.udp_tracker

#include "protocol/udp_tracker.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

#include <random>

using namespace shoal;
using namespace std::literals;

namespace {

using buffer = std::array<uint8_t, 4096>;

std::string hex(const buffer& bytes, size_t size) {
  return to_hex(std::span(bytes).first(size));
}

std::vector<uint8_t> unhex(std::string_view digits) {
  std::vector<uint8_t> bytes(digits.size() / 2);
  SHOAL_CHECK(from_hex(digits, bytes));
  return bytes;
}

const auto swarm = *info_hash::from_hex("000102030405060708090a0b0c0d0e0f10111213");
const auto peer = *peer_id::from_bytes("-TT0001-abcdefghijkl"sv);
const udp_head head{0x1122334455667788, udp_action::announce, 0xdeadbeef};

udp_announce sample() {
  udp_announce what;
  what.swarm = swarm;
  what.peer = peer;
  what.downloaded_bytes = 1;
  what.left_bytes = 2;
  what.uploaded_bytes = 3;
  what.event = announce_event::started;
  what.key = 0x0a0b0c0d;
  what.numwant = 80;
  what.port = 6881;
  return what;
}

/// BEP 15's table, byte by byte: what `sample` looks like.
const auto sample_hex = "1122334455667788"
                        "00000001"
                        "deadbeef"
                        "000102030405060708090a0b0c0d0e0f10111213"
                        "2d5454303030312d6162636465666768696a6b6c"
                        "0000000000000001"
                        "0000000000000002"
                        "0000000000000003"
                        "00000002"
                        "00000000"
                        "0a0b0c0d"
                        "00000050"
                        "1ae1"s;

std::vector<uint8_t> with_options(std::string_view options) {
  auto packet = unhex(sample_hex);
  packet.insert(packet.end(), options.begin(), options.end());
  return packet;
}

std::string url_of(std::string_view options) {
  std::string joined;
  auto packet = with_options(options);
  return std::string{read_udp_announce(packet, joined).url};
}

/// The sample with another 32-bit value at `at`.
udp_announce with_u32(size_t at, uint32_t value) {
  auto packet = unhex(sample_hex);
  for (size_t i = 0; i < 4; ++i)
    packet[at + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
  std::string joined;
  return read_udp_announce(packet, joined);
}

} // namespace

CAF_TEST(requests look as BEP 15 lays them out) {
  buffer out;
  CAF_CHECK_EQUAL(hex(out, write_udp_connect(out, 7)), "00000417271019800000000000000007");
  CAF_CHECK_EQUAL(hex(out, write_udp_announce(out, head, sample())), sample_hex);
  CAF_CHECK_EQUAL(hex(out, write_udp_scrape(out, head, std::vector{swarm})),
                  "1122334455667788"
                  "00000002"
                  "deadbeef"
                  "000102030405060708090a0b0c0d0e0f10111213");
}

CAF_TEST(an announce is read as it was sent) {
  auto packet = unhex(sample_hex);
  std::string joined;
  CAF_CHECK(read_udp_head(packet) == head);
  CAF_CHECK(read_udp_announce(packet, joined) == sample());
}

CAF_TEST(every truncation of a request is ignored) {
  std::array<buffer, 3> out;
  std::array sizes{write_udp_connect(out[0], 7), write_udp_announce(out[1], head, sample()),
                   write_udp_scrape(out[2], head, std::vector{swarm})};
  for (size_t i = 0; i < out.size(); ++i) {
    for (size_t n = 0; n < sizes[i]; ++n)
      CAF_CHECK(!read_udp_head(std::span(out[i]).first(n)));
    CAF_CHECK(read_udp_head(std::span(out[i]).first(sizes[i])));
  }
}

CAF_TEST(what no client sends is ignored) {
  auto ignored = [](std::string_view digits) { return !read_udp_head(unhex(digits)); };
  CAF_CHECK(ignored(""));
  CAF_CHECK(ignored("00000417271019810000000000000007")); // Another magic number.
  for (auto action : {"00000003", "00000004", "ffffffff"})
    CAF_CHECK(ignored("1122334455667788"s + action + sample_hex.substr(24)));
  CAF_CHECK(ignored("112233445566778800000002deadbeef")); // A scrape of nothing.
  CAF_CHECK(ignored("112233445566778800000002deadbeef" + sample_hex.substr(32, 42)));
}

CAF_TEST(event 4 is paused and what lies above is none) {
  using e = announce_event;
  constexpr size_t at = 80;
  std::array expected{e::none, e::completed, e::started, e::stopped, e::paused, e::none};
  for (uint32_t code = 0; code < expected.size(); ++code)
    CAF_CHECK(with_u32(at, code).event == expected[code]);
  CAF_CHECK(with_u32(at, 0xffffffff).event == e::none);
}

CAF_TEST(a negative number of peers is the default and a large one is clamped) {
  constexpr size_t at = 92;
  CAF_CHECK(!with_u32(at, 0xffffffff).numwant);
  CAF_CHECK(!with_u32(at, 0x80000000).numwant);
  CAF_CHECK(with_u32(at, 0).numwant == std::optional{0u});
  CAF_CHECK(with_u32(at, 0x7fffffff).numwant == std::optional{limits::numwant_max});
}

CAF_TEST(byte counts beyond 63 bits are clamped) {
  constexpr uint64_t most = std::numeric_limits<int64_t>::max();
  for (size_t at : {56, 64, 72}) {
    auto what = with_u32(at, 0xffffffff);
    auto clamped = std::array{what.downloaded_bytes, what.left_bytes, what.uploaded_bytes};
    CAF_CHECK_EQUAL(clamped[(at - 56) / 8], most);
  }
}

CAF_TEST(the URL data of all options is joined) {
  CAF_CHECK_EQUAL(url_of(""), "");
  CAF_CHECK_EQUAL(url_of("\x02\x09/announce"sv), "/announce");
  CAF_CHECK_EQUAL(url_of("\x01\x01\x02\x04/ann\x01\x02\x05ounce\0\x02\x01x"sv), "/announce");
  CAF_CHECK_EQUAL(url_of("\x02\0\x02\x02/a\x02\0\x02\x01?"sv), "/a?");
  CAF_CHECK_EQUAL(url_of("\x02\x02/a\x02\x01x\x02\x01y\x02\x01z"sv), "/axyz");
}

CAF_TEST(unknown options are skipped and a truncated one ends the list) {
  CAF_CHECK_EQUAL(url_of("\x7f\x03zzz\x02\x02/a\xff\0\x02\x01"
                         "b"sv),
                  "/ab");
  CAF_CHECK_EQUAL(url_of("\x02\x02/a\x02\xff"
                         "b"sv),
                  "/a");
  CAF_CHECK_EQUAL(url_of("\x02\x02/a\x02"sv), "/a");
}

CAF_TEST(options survive every truncation) {
  auto options = "\x01\x02\x04/ann\x63\x02xx\x02\x05ounce\0"sv;
  for (size_t n = 0; n <= options.size(); ++n) {
    auto packet = with_options(options.substr(0, n));
    CAF_CHECK(read_udp_head(packet) == head);
    CAF_CHECK("/announce"sv.starts_with(url_of(options.substr(0, n))));
  }
}

CAF_TEST(a scrape has 74 hashes at most) {
  buffer out;
  std::vector<info_hash> many(80, swarm);
  auto size = write_udp_scrape(out, head, many);
  CAF_CHECK_EQUAL(read_udp_scrape(std::span(out).first(size)).size(), 74u * 20);
  CAF_CHECK_EQUAL(read_udp_scrape(std::span(out).first(56)).size(), 2u * 20);
}

CAF_TEST(random announces survive the round trip) {
  std::mt19937_64 random{20'261'121};
  for (int i = 0; i < 2000; ++i) {
    auto what = sample();
    auto bits = random();
    what.downloaded_bytes = random() >> 1 >> (bits % 60);
    what.left_bytes = random() >> 1;
    what.uploaded_bytes = random() >> 1;
    what.event = announce_event(bits % 5);
    what.ipv4 = uint32_t(random());
    what.key = uint32_t(random());
    what.numwant = bits & 64 ? std::nullopt : std::optional{uint32_t(bits >> 8) % 1001};
    what.port = uint16_t(bits >> 20);
    std::string url((bits >> 40) % 700, 'u');
    what.url = url;
    udp_head sent{random(), udp_action::announce, uint32_t(random())};
    buffer out;
    auto size = write_udp_announce(out, sent, what);
    CAF_REQUIRE_EQUAL(size, 98 + url.size() + (url.size() + 254) / 255 * 2);
    std::string joined;
    CAF_REQUIRE(read_udp_head(std::span(out).first(size)) == sent);
    CAF_REQUIRE(read_udp_announce(std::span(out).first(size), joined) == what);
    CAF_REQUIRE_EQUAL(write_udp_announce(std::span(out).first(size - 1), sent, what), 0u);
  }
}

CAF_TEST(replies look as BEP 15 lays them out) {
  buffer out;
  CAF_CHECK_EQUAL(hex(out, write_udp_connect_reply(out, {7, 0x1122334455667788})),
                  "00000000000000071122334455667788");
  auto peers = "\x01\x02\x03\x04\x1a\xe1"sv;
  CAF_CHECK_EQUAL(hex(out, write_udp_announce_reply(out, {7, 1800, 3, 2, peers}, ip_family::v4)),
                  "0000000100000007000007080000000300000002010203041ae1");
  auto size = write_udp_scrape_head(out, 7);
  size += write_udp_scrape_counts(std::span(out).subspan(size), {1, 2, 3});
  CAF_CHECK_EQUAL(hex(out, size), "0000000200000007000000010000000200000003");
  CAF_CHECK_EQUAL(hex(out, write_udp_error(out, {7, "no"})), "00000003000000076e6f");
}

CAF_TEST(replies are read as they were written) {
  buffer out;
  auto again = [&](size_t size, ip_family family = ip_family::v4) {
    return read_udp_reply(std::span(out).first(size), family);
  };
  udp_connect_reply connected{1, 2};
  CAF_CHECK(std::get<udp_connect_reply>(*again(write_udp_connect_reply(out, connected)))
            == connected);
  std::string peers(36, 'p');
  for (auto family : {ip_family::v4, ip_family::v6}) {
    udp_announce_reply announced{1, 2, 3, 4, peers};
    auto read = again(write_udp_announce_reply(out, announced, family), family);
    CAF_CHECK(std::get<udp_announce_reply>(*read) == announced);
  }
  udp_error_reply failed{9, "why"};
  CAF_CHECK(std::get<udp_error_reply>(*again(write_udp_error(out, failed))) == failed);
  auto size = write_udp_scrape_head(out, 5);
  for (uint32_t i = 0; i < 3; ++i)
    size += write_udp_scrape_counts(std::span(out).subspan(size), {i, i + 1, i + 2});
  auto scraped = std::get<udp_scrape_reply>(*again(size));
  CAF_REQUIRE_EQUAL(scraped.size(), 3u);
  CAF_CHECK(scraped[2] == (udp_scrape_counts{2, 3, 4}));
}

CAF_TEST(truncated replies are told apart or refused) {
  buffer out;
  write_udp_connect_reply(out, {1, 2});
  for (size_t n = 0; n < 16; ++n)
    CAF_CHECK(!read_udp_reply(std::span(out).first(n), ip_family::v4));
  auto size = write_udp_announce_reply(out, {1, 2, 3, 4, "123456"sv}, ip_family::v4);
  for (size_t n = 0; n < size; ++n)
    CAF_CHECK_EQUAL(read_udp_reply(std::span(out).first(n), ip_family::v4).has_value(), n == 20);
  CAF_CHECK(!read_udp_reply(unhex("0000000400000007"), ip_family::v4));
}

CAF_TEST(a reply never outgrows its buffer) {
  std::string peers(1800, 'p');
  for (auto family : {ip_family::v4, ip_family::v6}) {
    std::vector<uint8_t> out(limits::udp_reply_bytes_max);
    auto size = write_udp_announce_reply(out, {1, 2, 3, 4, peers}, family);
    // The figures of trackers that have to pass through VPNs.
    CAF_CHECK_EQUAL((size - 20) / udp_peer_bytes(family), family == ip_family::v4 ? 222u : 74u);
    CAF_CHECK(read_udp_reply(std::span(out).first(size), family));
  }
  std::array<uint8_t, 12> small;
  CAF_CHECK_EQUAL(write_udp_error(small, {1, "too long"}), 12u);
  CAF_CHECK_EQUAL(write_udp_connect_reply(small, {1, 2}), 0u);
  CAF_CHECK_EQUAL(write_udp_announce_reply(small, {1, 2, 3, 4, {}}, ip_family::v4), 0u);
}
