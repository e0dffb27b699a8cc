// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE load.response_reader

#include "cmd/load/response_reader.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal::load;
using progress = response_reader::progress;

namespace {

constexpr std::string_view plain = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello";

progress feed_all(response_reader& reader, std::string_view text) {
  return reader.feed(text);
}

} // namespace

CAF_TEST(a response is whole at its last byte and not before) {
  for (size_t cut = 0; cut < plain.size(); ++cut) {
    response_reader reader;
    auto first = plain.substr(0, cut);
    auto rest = plain.substr(cut);
    CAF_CHECK(reader.feed(first) == progress::more);
    CAF_CHECK(first.empty());
    CAF_CHECK_EQUAL(reader.amidst(), cut > 0);
    CAF_CHECK(reader.feed(rest) == progress::whole);
    CAF_CHECK(rest.empty());
    CAF_CHECK_EQUAL(reader.status(), 200u);
    CAF_CHECK_EQUAL(reader.body_begin(), "hello");
    CAF_CHECK_EQUAL(reader.body_bytes(), 5u);
    CAF_CHECK(!reader.closes());
  }
}

CAF_TEST(pipelined responses are told apart at any cut) {
  std::string two = std::string{plain} + "HTTP/1.1 404 Not Found\r\ncontent-length:3\r\n\r\nabc";
  for (size_t cut = 0; cut < two.size(); ++cut) {
    response_reader reader;
    std::string bodies;
    for (auto piece : {std::string_view{two}.substr(0, cut), std::string_view{two}.substr(cut)})
      while (!piece.empty())
        if (reader.feed(piece) == progress::whole)
          bodies += std::to_string(reader.status()) + std::string{reader.body_begin()};
    CAF_CHECK_EQUAL(bodies, "200hello404abc");
  }
}

CAF_TEST(without a length the end of the connection is the end) {
  response_reader reader;
  CAF_CHECK(feed_all(reader, "HTTP/1.1 200\r\nContent-Type: text/plain\r\n\r\nd8:")
            == progress::more);
  CAF_CHECK(feed_all(reader, "complete") == progress::more);
  CAF_CHECK(reader.end());
  CAF_CHECK(reader.closes());
  CAF_CHECK_EQUAL(reader.body_begin(), "d8:complete");
}

CAF_TEST(a connection that ends amidst a body is no end) {
  response_reader reader;
  CAF_CHECK(feed_all(reader, plain.substr(0, plain.size() - 1)) == progress::more);
  CAF_CHECK(!reader.end());
}

CAF_TEST(who closes says so) {
  for (auto [head, closes] :
       {std::pair{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true},
        std::pair{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true},
        std::pair{"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", false},
        std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false}}) {
    response_reader reader;
    CAF_CHECK(feed_all(reader, head) == progress::whole);
    CAF_CHECK_EQUAL(reader.closes(), closes);
  }
}

CAF_TEST(a switch of protocols has no body) {
  response_reader reader;
  std::string_view text
      = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02{}";
  CAF_CHECK(reader.feed(text) == progress::whole);
  CAF_CHECK_EQUAL(reader.status(), 101u);
  CAF_CHECK_EQUAL(text, "\x81\x02{}");
}

CAF_TEST(what is not understood is broken) {
  for (auto text : {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc\r\nX: y\r\n\r\n", "\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    response_reader reader;
    CAF_CHECK(feed_all(reader, text) == progress::broken);
  }
  response_reader reader;
  CAF_CHECK(feed_all(reader, std::string(70'000, 'x')) == progress::broken);
}

CAF_TEST(large bodies are counted and not kept) {
  response_reader reader;
  CAF_CHECK(feed_all(reader, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            == progress::more);
  std::string block(100'000, 'y');
  for (int i = 0; i < 9; ++i)
    CAF_CHECK(feed_all(reader, block) == progress::more);
  CAF_CHECK(feed_all(reader, block) == progress::whole);
  CAF_CHECK_EQUAL(reader.body_bytes(), 1'000'000u);
  CAF_CHECK_EQUAL(reader.body_begin(), std::string(response_reader::begin_bytes_max, 'y'));
}
