// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.websocket_frame

#include "protocol/websocket_frame.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

using kind = ws_step::kind;

/// "Hello" as a client sends it. @source RFC 6455 section 5.7.
const std::string masked_hello = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

/// A frame of a client whose mask is 1, 2, 3, 4.
std::string client_frame(uint8_t first, std::string payload) {
  std::string frame;
  append_ws_frame(frame, ws_opcode::text, payload);
  frame[0] = static_cast<char>(first);
  frame[1] = static_cast<char>(frame[1] | '\x80');
  auto header = frame.size() - payload.size();
  for (size_t i = 0; i < payload.size(); ++i)
    frame[header + i] = static_cast<char>(payload[i] ^ static_cast<char>(1 + i % 4));
  frame.insert(header, "\x01\x02\x03\x04");
  return frame;
}

struct parsed {
  ws_step step;
  std::string bytes; // The payload points into it.
};

parsed parse(std::string bytes, size_t payload_max = 1000) {
  parsed p{{}, std::move(bytes)};
  p.step = next_ws_frame(p.bytes, payload_max);
  return p;
}

ws_frame piece(ws_opcode opcode, bool fin, std::string_view payload) {
  return {opcode, fin, payload};
}

} // namespace

CAF_TEST(the example of the RFC is read) {
  auto p = parse(masked_hello + "more");
  CAF_REQUIRE(p.step.what == kind::frame);
  CAF_CHECK(p.step.frame.opcode == ws_opcode::text);
  CAF_CHECK(p.step.frame.fin);
  CAF_CHECK_EQUAL(p.step.frame.payload, "Hello");
  CAF_CHECK_EQUAL(p.step.used, masked_hello.size());
}

CAF_TEST(the example of the RFC is written) {
  std::string out;
  append_ws_frame(out, ws_opcode::text, "Hello");
  CAF_CHECK_EQUAL(out, "\x81\x05Hello");
  out.clear();
  append_ws_close(out, ws_close::going_away, "bye");
  CAF_CHECK_EQUAL(out, "\x88\x05\x03\xe9"
                       "bye");
}

CAF_TEST(the accept value of the RFC is computed) {
  CAF_CHECK_EQUAL(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CAF_CHECK(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
  for (auto key : {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ==x",
                   "dGhlIHNhbXBsZSBub25j ZQ==", "dGhlIHNhbXBsZSBub25jZQAA"})
    CAF_CHECK(!is_websocket_key(key));
}

CAF_TEST(no beginning of a frame is taken for a frame) {
  for (size_t payload : {size_t{0}, size_t{5}, size_t{125}, size_t{126}, size_t{70'000}}) {
    auto whole = client_frame(0x82, std::string(payload, 'x'));
    auto step = payload > 1000 ? size_t{997} : size_t{1};
    for (size_t n = 0; n < whole.size(); n += step)
      CAF_CHECK(parse(whole.substr(0, n), 100'000).step.what == kind::incomplete);
    auto p = parse(whole, 100'000);
    CAF_REQUIRE(p.step.what == kind::frame);
    CAF_CHECK_EQUAL(p.step.frame.payload, std::string(payload, 'x'));
  }
}

CAF_TEST(frames that break the rules are broken) {
  struct broken_case {
    std::string bytes;
    ws_close why;
  };
  using namespace std::string_literals;
  for (auto& x : {
           broken_case{"\x81\x05Hello"s, ws_close::protocol_error},    // Not masked.
           broken_case{"\xc1\x85"s, ws_close::protocol_error},         // A reserved bit.
           broken_case{"\x83\x85"s, ws_close::protocol_error},         // An unknown opcode.
           broken_case{"\x8b\x85"s, ws_close::protocol_error},         // Another one.
           broken_case{"\x09\x80"s, ws_close::protocol_error},         // Half of a ping.
           broken_case{"\x89\xfe\x00\x7e"s, ws_close::protocol_error}, // A long ping.
           broken_case{"\x81\xfe\x00\x7d"s, ws_close::protocol_error}, // 125 in two bytes.
           broken_case{"\x81\xff\0\0\0\0\0\0\xff\xff"s, ws_close::protocol_error},
           broken_case{"\x81\xff\x80\0\0\0\0\x01\0\0"s, ws_close::protocol_error},
           broken_case{"\x81\xfe\x03\xe9"s, ws_close::too_big}, // 1001 bytes, not one of them here.
           broken_case{"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"s, ws_close::too_big},
       }) {
    auto p = parse(x.bytes);
    CAF_CHECK(p.step.what == kind::broken);
    CAF_CHECK(p.step.why == x.why);
  }
}

CAF_TEST(a message comes in one piece or in several) {
  ws_assembler whole{20};
  using outcome = ws_assembler::outcome;
  CAF_CHECK(whole.add(piece(ws_opcode::text, true, "one")) == outcome::complete);
  CAF_CHECK_EQUAL(whole.message(), "one");
  CAF_CHECK(whole.add(piece(ws_opcode::binary, false, "he")) == outcome::more);
  CAF_CHECK(whole.amidst());
  CAF_CHECK(whole.add(piece(ws_opcode::continuation, false, "")) == outcome::more);
  CAF_CHECK(whole.add(piece(ws_opcode::continuation, true, "llo")) == outcome::complete);
  CAF_CHECK_EQUAL(whole.message(), "hello");
  CAF_CHECK(!whole.is_text());
  CAF_CHECK(!whole.amidst());
  CAF_CHECK(whole.add(piece(ws_opcode::text, true, "two")) == outcome::complete);
  CAF_CHECK_EQUAL(whole.message(), "two");
  CAF_CHECK(whole.is_text());
}

CAF_TEST(pieces in the wrong order break the protocol) {
  using outcome = ws_assembler::outcome;
  ws_assembler first{20};
  CAF_CHECK(first.add(piece(ws_opcode::continuation, true, "x")) == outcome::protocol_error);
  ws_assembler second{20};
  CAF_CHECK(second.add(piece(ws_opcode::text, false, "x")) == outcome::more);
  CAF_CHECK(second.add(piece(ws_opcode::text, true, "y")) == outcome::protocol_error);
}

CAF_TEST(a message of many pieces has the bound of one) {
  using outcome = ws_assembler::outcome;
  ws_assembler whole{20};
  CAF_CHECK(whole.add(piece(ws_opcode::text, false, "0123456789")) == outcome::more);
  CAF_CHECK(whole.add(piece(ws_opcode::continuation, false, "0123456789")) == outcome::more);
  CAF_CHECK(whole.add(piece(ws_opcode::continuation, true, "x")) == outcome::too_big);
}
