// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.proxy_header

#include "protocol/proxy_header.hpp"

#include "core/hex.hpp"
#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

endpoint at(std::string_view address, uint16_t port) {
  return {*ip_address::parse(address), port};
}

auto parse(std::string_view bytes) {
  return parse_proxy_header(as_bytes(bytes));
}

/// "source>destination+bytes", "-+bytes" without addresses, "more" or "bad".
std::string shown(std::string_view bytes) {
  auto parsed = parse(bytes);
  if (!parsed)
    return "bad";
  if (!*parsed)
    return "more";
  auto& header = **parsed;
  auto who = header.source ? header.source->str() + ">" + header.destination->str() : "-";
  return who + "+" + std::to_string(header.size);
}

const auto signature = "\r\n\r\n\0\r\nQUIT\n"s;

/// A version 2 header with these bytes 12 and 13, and this body.
std::string v2(std::string_view kind, std::string_view body) {
  auto length = std::string{static_cast<char>(body.size() >> 8), static_cast<char>(body.size())};
  return signature + std::string{kind} + length + std::string{body};
}

const auto four = "\x01\x02\x03\x04\x7f\0\0\x01\x1f\x90\0\x50"s;

} // namespace

CAF_TEST(the lines of version 1 that the specification shows) {
  CAF_CHECK_EQUAL(shown("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\nGET /"),
                  "255.255.255.255:65535>255.255.255.255:65535+56");
  auto longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"s;
  CAF_CHECK_EQUAL(shown("PROXY TCP6 " + longest + " " + longest + " 65535 65535\r\n"),
                  "[" + longest + "]:65535>[" + longest + "]:65535+104");
  CAF_CHECK_EQUAL(shown("PROXY UNKNOWN\r\n"), "-+15");
  CAF_CHECK_EQUAL(shown("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), "-+43");
}

CAF_TEST(a version 2 header gives its addresses in network order) {
  CAF_CHECK_EQUAL(shown(v2("\x21\x11", four) + "GET"), "1.2.3.4:8080>127.0.0.1:80+28");
  CAF_CHECK_EQUAL(shown(v2("\x21\x12", four)), "1.2.3.4:8080>127.0.0.1:80+28");
  auto six = "\x26\x06\x47\0\0\0\0\0\0\0\0\0\0\0\0\x01"s;
  CAF_CHECK_EQUAL(shown(v2("\x21\x21", six + six + "\0\x01\0\x02"s)),
                  "[2606:4700::1]:1>[2606:4700::1]:2+52");
}

CAF_TEST(a v4 mapped source is an IPv4 address) {
  auto mapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04"s;
  CAF_CHECK_EQUAL(shown(v2("\x21\x22", mapped + mapped + "\0\x01\0\x02"s)),
                  "1.2.3.4:1>1.2.3.4:2+52");
  CAF_CHECK_EQUAL(shown("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n"), "1.2.3.4:1>[::1]:2+35");
}

CAF_TEST(what follows the addresses in version 2 is skipped) {
  CAF_CHECK_EQUAL(shown(v2("\x21\x11", four + "\x04\0\x03pad"s)), "1.2.3.4:8080>127.0.0.1:80+34");
}

CAF_TEST(a proxy that speaks for itself leaves the address of the socket) {
  CAF_CHECK_EQUAL(shown(v2("\x20\0"s, "")), "-+16");
  CAF_CHECK_EQUAL(shown(v2("\x20\x11", four)), "-+28");
  CAF_CHECK_EQUAL(shown(v2("\x21\0"s, "abc")), "-+19");
  CAF_CHECK_EQUAL(shown(v2("\x21\x31", std::string(216, 'x'))), "-+232");
}

CAF_TEST(what the protocol tells receivers to refuse is refused) {
  for (auto& bad :
       {"GET / HTTP/1.1\r\n"s, "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"s,
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"s, "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"s,
        "PROXY TCP4 ::1 ::1 1 2\r\n"s, "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"s,
        "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n"s, "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"s,
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n"s, "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"s,
        "PROXY " + std::string(101, 'x'), v2("\x11\x11", four), v2("\x22\x11", four),
        v2("\x21\x41", four), v2("\x21\x13", four), v2("\x21\x11", four.substr(1)),
        v2("\x21\x21", four), v2("\x21\x11", std::string(limits::proxy_header_bytes_max, 'x'))}) {
    CAF_MESSAGE(to_hex(as_bytes(bad).first(std::min<size_t>(bad.size(), 40))));
    CAF_CHECK_EQUAL(shown(bad), "bad");
  }
}

CAF_TEST(every beginning of a header asks for more) {
  std::vector<std::string> all(2);
  append_proxy_header_v1(all[0], at("1.2.3.4", 5), at("6.7.8.9", 10));
  append_proxy_header_v2(all[1], at("::2", 5), at("::3", 10), proxy_transport::stream);
  for (auto& whole : all) {
    for (size_t n = 0; n < whole.size(); ++n)
      CAF_CHECK_EQUAL(shown(whole.substr(0, n)), "more");
    CAF_CHECK_EQUAL(shown(whole + "x"), shown(whole));
  }
}

CAF_TEST(what is written is read) {
  for (auto& [from, to] : {std::pair{at("1.2.3.4", 0), at("255.0.255.0", 65535)},
                           std::pair{at("2001:db8::1", 443), at("ff02:1:2:3:4:5:6:7", 1)}}) {
    std::string v1;
    append_proxy_header_v1(v1, from, to);
    CAF_CHECK(parse(v1)->value() == (proxy_header{v1.size(), from, to}));
    for (auto transport : {proxy_transport::stream, proxy_transport::datagram}) {
      std::string bytes;
      append_proxy_header_v2(bytes, from, to, transport);
      proxy_header expected{bytes.size(), from, to};
      CAF_CHECK(parse(bytes)->value() == expected);
      CAF_CHECK(parse_proxy_datagram(as_bytes(bytes + "payload")).value() == expected);
    }
  }
}

CAF_TEST(a datagram holds all of a version 2 header) {
  auto whole = v2("\x21\x12", four);
  for (size_t n = 0; n < whole.size(); ++n)
    CAF_CHECK(!parse_proxy_datagram(as_bytes(whole.substr(0, n))));
  CAF_CHECK(parse_proxy_datagram(as_bytes(whole)));
  CAF_CHECK(!parse_proxy_datagram(as_bytes("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"sv)));
}
