// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.link_frame

#include "cluster/link_frame.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

#include <random>

using namespace shoal;
using namespace shoal::cluster;

namespace {

std::string wire(const link_frame& x) {
  std::string out;
  encode(x, out);
  return out;
}

link_hello hello() {
  return {"cluster", "node-2", "node-1", UINT64_MAX, 7, 3, limits::link_window_bytes, 1, 2};
}

/// One of each kind.
std::vector<link_frame> samples() {
  return {hello(),
          link_farewell{link_refusal::skewed_config, "replicas 2, not 3"},
          link_heartbeat{UINT64_MAX, true},
          link_credit{1, UINT64_MAX},
          link_request{9, 5000, 65'535, "body"},
          link_answer{9, std::string_view{"\0\xff", 2}},
          link_failure{10, ec::not_found, "no such entry"},
          link_notice{1, ""}};
}

std::string with_length(const std::string& payload) {
  return std::string{"\0\0\0", 3} + static_cast<char>(payload.size()) + payload;
}

bool is_refused(const std::string& bytes, ec code = ec::corrupt) {
  link_frame_reader reader;
  reader.feed(bytes);
  auto got = reader.next();
  return !got && got.error().code == code;
}

} // namespace

CAF_TEST(every kind of frame comes back as it was written) {
  for (auto& x : samples()) {
    link_frame_reader reader;
    reader.feed(wire(x));
    auto got = reader.next();
    CAF_REQUIRE(got && *got);
    CAF_CHECK(**got == x);
    auto rest = reader.next();
    CAF_CHECK(rest && !*rest);
  }
}

CAF_TEST(a frame that is not whole is waited for whatever is missing) {
  for (auto& x : samples()) {
    auto whole = wire(x);
    for (size_t n = 0; n < whole.size(); ++n) {
      link_frame_reader reader;
      reader.feed(whole.substr(0, n));
      auto early = reader.next();
      CAF_REQUIRE(early && !*early);
      reader.feed(whole.substr(n));
      auto got = reader.next();
      CAF_REQUIRE(got && *got && **got == x);
    }
  }
}

CAF_TEST(a payload that is cut off is no frame) {
  for (auto& x : samples()) {
    auto payload = wire(x).substr(link_length_bytes);
    for (size_t n = 0; n < payload.size(); ++n)
      CAF_CHECK(is_refused(with_length(payload.substr(0, n))));
    CAF_CHECK(is_refused(with_length(payload + '\x01')));
  }
}

CAF_TEST(a stream is cut into the same frames however it arrives) {
  std::mt19937 random{11};
  std::string stream;
  std::vector<link_frame> sent;
  for (int i = 0; i < 50; ++i)
    for (auto& x : samples()) {
      encode(x, stream);
      sent.push_back(x);
    }
  for (int round = 0; round < 20; ++round) {
    link_frame_reader reader;
    size_t got = 0;
    for (size_t at = 0; at < stream.size();) {
      auto n = std::min<size_t>(random() % 200, stream.size() - at);
      reader.feed(std::string_view{stream}.substr(at, n));
      at += n;
      for (auto next = reader.next(); next && *next; next = reader.next())
        CAF_REQUIRE(**next == sent[got++]);
    }
    CAF_CHECK_EQUAL(got, sent.size());
  }
}

CAF_TEST(a length beyond the limit is refused before anything follows) {
  CAF_CHECK(is_refused("\xff\xff\xff\xff", ec::too_large));
  CAF_CHECK(is_refused(std::string{"\0\x10\0\x41", 4}, ec::too_large));
  link_frame_reader small;
  small.limit(limits::link_greeting_bytes_max);
  small.feed(std::string{"\0\0\x10\x01", 4});
  CAF_CHECK(!small.next());
  std::string largest(limits::link_body_bytes_max, 'x');
  link_frame_reader reader;
  reader.feed(wire(link_request{UINT64_MAX, UINT32_MAX, UINT16_MAX, largest}));
  auto got = reader.next();
  CAF_CHECK(got && *got);
}

CAF_TEST(what no node can have written is refused) {
  CAF_CHECK(is_refused(with_length("")));
  CAF_CHECK(is_refused(with_length("GET / HTTP/1.1")));
  CAF_CHECK(is_refused(with_length("\x91\x09")));         // A kind that does not exist.
  CAF_CHECK(is_refused(with_length("\x93\x03\x01\x01"))); // The echo is no flag.
  CAF_CHECK(is_refused(with_length("\x93\x03\xff\xc2"))); // A negative stamp.
  CAF_CHECK(is_refused(with_length("\xdd\xff\xff\xff\xff")));
  CAF_CHECK(is_refused(with_length("\x91\x91\x91\x91\x91\x91\x01")));
  auto x = hello();
  x.incarnation = 0;
  CAF_CHECK(is_refused(wire(x)));
  x = hello();
  x.protocol_min = 3;
  CAF_CHECK(is_refused(wire(x)));
  x = hello();
  x.window_bytes = 1024; // The largest message would never fit.
  CAF_CHECK(is_refused(wire(x)));
  for (auto name : {"", "a\nb", "\xc3\xa4"}) {
    x = hello();
    x.node = name;
    CAF_CHECK(is_refused(wire(x)));
  }
}

CAF_TEST(fields of later versions are skipped) {
  link_frame_reader reader;
  reader.feed(with_length("\x95\x03\x07\xc3\xa1x\xc0"));
  auto got = reader.next();
  CAF_REQUIRE(got && *got);
  CAF_CHECK(**got == (link_frame{link_heartbeat{7, true}}));
}

CAF_TEST(errors of later versions do not say whether anything was done) {
  link_frame_reader reader;
  reader.feed(with_length("\x94\x07\x01\xa3new\xa1x"));
  auto got = reader.next();
  CAF_REQUIRE(got && *got);
  CAF_CHECK(**got == (link_frame{link_failure{1, ec::timeout, "x"}}));
}

CAF_TEST(what goes into logs cannot break their lines) {
  link_frame_reader reader;
  reader.feed(wire(link_farewell{link_refusal::malformed, "a\nb\x1b"}));
  auto got = reader.next();
  CAF_REQUIRE(got && *got);
  CAF_CHECK_EQUAL(std::get<link_farewell>(**got).text, "a?b?");
}

CAF_TEST(texts for people are cut to their bound) {
  link_frame_reader reader;
  reader.feed(wire(link_farewell{link_refusal::malformed, std::string(5000, 'x')}));
  auto got = reader.next();
  CAF_REQUIRE(got && *got);
  CAF_CHECK_EQUAL(std::get<link_farewell>(**got).text.size(), limits::link_text_bytes_max);
}
