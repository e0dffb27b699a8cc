// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.event_stream

#include "protocol/event_stream.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

#include <vector>

using namespace shoal;

namespace {

/// @param piece bytes at a time.
std::vector<server_event> read(std::string_view stream, size_t piece) {
  std::vector<server_event> all;
  event_reader reader([&](const server_event& x) { all.push_back(x); });
  for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size())))
    CAF_REQUIRE(reader.take(stream.substr(0, piece)));
  return all;
}

} // namespace

CAF_TEST(what is written is read again however it is cut) {
  const std::vector<server_event> wanted{{"7", "pulling", "{\"a\": 1}"}, {"", "", "one\n\ntwo"}};
  auto stream = encode_event(wanted[0]) + ":\n\n" + encode_event(wanted[1]);
  CAF_CHECK_EQUAL(
      stream, "id: 7\nevent: pulling\ndata: {\"a\": 1}\n\n:\n\ndata: one\ndata: \ndata: two\n\n");
  for (size_t piece = 1; piece <= stream.size(); ++piece)
    CAF_CHECK(read(stream, piece) == wanted);
}

CAF_TEST(other servers write it otherwise) {
  const std::vector<server_event> wanted{{"", "", "x"}, {"", "", ""}};
  CAF_CHECK(read("retry: 5\r\ndata:x\r\n\r\ndata\n\nevent: none\n\n: hi\n", 3) == wanted);
}

CAF_TEST(an event without an end is given up) {
  event_reader reader([](const server_event&) { CAF_FAIL("there is none"); });
  const std::string line(limits::json_body_bytes_max / 2, 'x');
  CAF_CHECK(reader.take("data: " + line + "\n"));
  CAF_CHECK(!reader.take("data: " + line + "\n"));
}
