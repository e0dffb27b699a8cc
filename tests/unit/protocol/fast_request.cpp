// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.fast_request

#include "protocol/fast_request.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace shoal;
using namespace std::literals;

namespace {

const auto plain = "GET /announce?info_hash=%01x&port=1 HTTP/1.1\r\nHost: t\r\n\r\n"s;

fast_verdict scan(std::string_view bytes) {
  fast_request out;
  return scan_fast_request(bytes, out);
}

bool is_no(std::string_view bytes) {
  return scan(bytes) == fast_verdict::no;
}

/// A request with these header lines.
std::string with(std::string_view headers, std::string_view version = "1.1") {
  return "GET /announce?a=b HTTP/" + std::string{version} + "\r\n" + std::string{headers} + "\r\n";
}

bool keeps(const std::string& bytes) {
  fast_request out;
  CAF_REQUIRE(scan_fast_request(bytes, out) == fast_verdict::yes);
  return out.keep_alive;
}

} // namespace

CAF_TEST(an announce is taken apart and what follows is left) {
  auto bytes = plain + "GET /next";
  fast_request out;
  CAF_REQUIRE(scan_fast_request(bytes, out) == fast_verdict::yes);
  CAF_CHECK_EQUAL(out.size, plain.size());
  CAF_CHECK_EQUAL(out.query, "info_hash=%01x&port=1");
  CAF_CHECK_EQUAL(out.passkey, "");
  CAF_CHECK(out.keep_alive);
  CAF_CHECK_EQUAL(out.forwarded().size(), 0u);
}

CAF_TEST(every beginning asks for more) {
  const auto full = "GET /announce/alice.00ff?a=b HTTP/1.1\r\nHost: t\r\n"
                    "X-Forwarded-For: 1.2.3.4 \r\nAccept:\r\nConnection: Close\r\n\r\n"s;
  for (size_t size = 0; size < full.size(); ++size)
    CAF_CHECK(scan(std::string_view(full).substr(0, size)) == fast_verdict::more);
  fast_request out;
  CAF_REQUIRE(scan_fast_request(full, out) == fast_verdict::yes);
  CAF_CHECK_EQUAL(out.passkey, "alice.00ff");
  CAF_CHECK_EQUAL(out.query, "a=b");
  CAF_REQUIRE_EQUAL(out.forwarded().size(), 1u);
  CAF_CHECK_EQUAL(out.forwarded()[0], "1.2.3.4");
  CAF_CHECK(!out.keep_alive);
}

CAF_TEST(the client says whether it will send another request) {
  CAF_CHECK(keeps(with("")));
  CAF_CHECK(keeps(with("connection: Keep-Alive\r\n")));
  CAF_CHECK(!keeps(with("CONNECTION:close\r\n")));
  CAF_MESSAGE("an old client would have to be told that the connection stays open");
  CAF_CHECK(!keeps(with("", "1.0")));
  CAF_CHECK(!keeps(with("Connection: keep-alive\r\n", "1.0")));
}

CAF_TEST(forwarded headers keep their order up to a number) {
  fast_request out;
  auto bytes = with("X-Forwarded-For: a\r\nx-forwarded-for:\tb, c\t\r\nX-FORWARDED-FOR:\r\n");
  CAF_REQUIRE(scan_fast_request(bytes, out) == fast_verdict::yes);
  CAF_REQUIRE_EQUAL(out.forwarded().size(), 3u);
  CAF_CHECK_EQUAL(out.forwarded()[0], "a");
  CAF_CHECK_EQUAL(out.forwarded()[1], "b, c");
  CAF_CHECK_EQUAL(out.forwarded()[2], "");
  std::string many;
  for (size_t i = 0; i <= fast_request::forwarded_max; ++i)
    many += "X-Forwarded-For: a\r\n";
  CAF_CHECK(is_no(with(many)));
}

CAF_TEST(other requests are left alone) {
  for (auto bytes : {"POST /announce HTTP/1.1\r\n\r\n",
                     "HEAD /announce HTTP/1.1\r\n\r\n",
                     "get /announce HTTP/1.1\r\n\r\n",
                     "GET /scrape HTTP/1.1\r\n\r\n",
                     "GET /announcer HTTP/1.1\r\n\r\n",
                     "GET /announce/ HTTP/1.1\r\n\r\n",
                     "GET /announce/a/b HTTP/1.1\r\n\r\n",
                     "GET /announce/a%62 HTTP/1.1\r\n\r\n",
                     "GET http://t/announce HTTP/1.1\r\n\r\n",
                     "GET  /announce HTTP/1.1\r\n\r\n",
                     "GET /announce  HTTP/1.1\r\n\r\n",
                     "GET /announce HTTP/1.2\r\n\r\n",
                     "GET /announce HTTP/2.0\r\n\r\n",
                     "GET /announce HTTP/1.1 \r\n\r\n",
                     "GET /announce\r\n\r\n",
                     "GET /announce HTTP/1.1\n\n",
                     "GET /announce?a#b HTTP/1.1\r\n\r\n",
                     "GET /announce?\x80 HTTP/1.1\r\n\r\n",
                     "GET /announce?\t HTTP/1.1\r\n\r\n",
                     "\r\n",
                     "x",
                     "GET /announceX"})
    CAF_CHECK(is_no(bytes));
}

CAF_TEST(headers that frame a body or change the protocol are left alone) {
  for (auto headers :
       {"Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n", "Connection: close, x\r\n", "Connection:\r\n",
        "Connection: close\r\nConnection: close\r\n", "Proxy-Connection: close\r\n",
        "Expect: 100-continue\r\n", "Host: a\r\nHost: a\r\n"})
    CAF_CHECK(is_no(with(headers)));
}

CAF_TEST(headers that parsers read in different ways are left alone) {
  for (auto headers : {"A : b\r\n", "A: b\r\n c\r\n", " A: b\r\n", "A: b\n", "A\r\n", ": b\r\n",
                       "A: \x7f\r\n", "A: \x80\r\n", "A: b\rc\r\n", "A\x01: b\r\n", "A(: b\r\n"})
    CAF_CHECK(is_no(with(headers)));
}

CAF_TEST(a long request is left alone) {
  auto of_size = [](size_t size) {
    auto frame = with("A: \r\n").size();
    return with("A: " + std::string(size - frame, 'x') + "\r\n");
  };
  CAF_CHECK(scan(of_size(fast_request_bytes_max)) == fast_verdict::yes);
  CAF_CHECK(is_no(of_size(fast_request_bytes_max + 1)));
  CAF_MESSAGE("also before its end has come");
  CAF_CHECK(is_no("GET /announce?" + std::string(fast_request_bytes_max, 'x')));
}
