// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE load.ws

#include "cmd/load/ws_frames.hpp"
#include "cmd/load/ws_messages.hpp"

#include <caf/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace shoal;
using namespace shoal::load;
using namespace std::string_literals;
using json = nlohmann::json;
using progress = ws_reader::progress;

namespace {

std::string server_frame(uint8_t first, const std::string& payload) {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() < 126) {
    frame += static_cast<char>(payload.size());
  } else if (payload.size() < 65536) {
    frame += "\x7e"s + static_cast<char>(payload.size() >> 8) + static_cast<char>(payload.size());
  } else {
    frame += "\x7f"s + std::string(5, '\0') + static_cast<char>(payload.size() >> 16)
             + static_cast<char>(payload.size() >> 8) + static_cast<char>(payload.size());
  }
  return frame + payload;
}

/// One letter and the payload of each message that comes out if the input is cut at `cut`.
std::vector<std::string> messages(const std::string& bytes, size_t cut) {
  ws_reader reader;
  std::vector<std::string> all;
  for (auto piece : {std::string_view{bytes}.substr(0, cut), std::string_view{bytes}.substr(cut)})
    while (!piece.empty()) {
      auto got = reader.feed(piece);
      if (got == progress::message)
        all.push_back(std::to_string(int(reader.opcode())) + std::string{reader.payload()});
      if (got == progress::broken)
        return {"broken"};
    }
  return all;
}

/// Latin-1 text of a parsed JSON string.
std::string latin1(const std::string& utf8) {
  std::string out;
  for (size_t i = 0; i < utf8.size(); ++i) {
    auto c = static_cast<uint8_t>(utf8[i]);
    out += c < 0x80 ? utf8[i] : static_cast<char>((c & 3) << 6 | (utf8[++i] & 0x3f));
  }
  return out;
}

} // namespace

CAF_TEST(a client frame is masked as the protocol shows it) {
  // RFC 6455 5.7: a single-frame masked text message.
  std::string out;
  append_frame(out, ws_opcode::text, "Hello", 0x3d21fa37);
  CAF_CHECK_EQUAL(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s);
}

CAF_TEST(masks come off whatever the length) {
  for (size_t size : {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 70001}) {
    std::string payload(size, 'x');
    for (size_t i = 0; i < size; ++i)
      payload[i] = static_cast<char>(i * 7);
    std::string frame;
    append_frame(frame, ws_opcode::text, payload, 0x01020304);
    auto header = frame.size() - size;
    CAF_REQUIRE_EQUAL(header, size < 126 ? 6u : size < 65536 ? 8u : 14u);
    for (size_t i = 0; i < size; ++i)
      frame[header + i] = static_cast<char>(frame[header + i] ^ frame[header - 4 + i % 4]);
    CAF_CHECK_EQUAL(frame.substr(header), payload);
  }
}

CAF_TEST(messages are found at any cut) {
  auto bytes = server_frame(0x81, "one") + server_frame(0x01, "tw") + server_frame(0x89, "ping")
               + server_frame(0x80, "o") + server_frame(0x81, std::string(300, 'z'))
               + server_frame(0x88, "");
  std::vector<std::string> expected{"1one", "9ping", "1two", "1" + std::string(300, 'z'), "8"};
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    CAF_CHECK(messages(bytes, cut) == expected);
}

CAF_TEST(large messages are whole) {
  std::string large(100'000, 'q');
  auto bytes = server_frame(0x81, large) + server_frame(0x81, "next");
  for (size_t cut : {0, 1, 5, 10, 50'000, 100'009, 100'011})
    CAF_CHECK((messages(bytes, cut) == std::vector<std::string>{"1" + large, "1next"}));
}

CAF_TEST(frames against the rules are broken) {
  for (auto& bytes : {"\x81\x85\1\2\3\4hello"s, // Masked by a server.
                      "\xc1\x01x"s,             // Compressed without having been agreed on.
                      "\x80\x01x"s,             // A continuation of nothing.
                      "\x01\x01x\x81\x01y"s,    // A new message amidst another.
                      "\x09\x00"s,              // A control frame in pieces.
                      "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s})
    CAF_CHECK((messages(bytes, bytes.size()) == std::vector<std::string>{"broken"}));
}

CAF_TEST(an announce is JSON with binary ids) {
  population all{1, 100, 10, 50};
  for (uint64_t swarm = 0; swarm < 100; ++swarm) {
    std::string text;
    ws_peer{all, swarm, 3}.append_announce(text, announce_event::started, 5, swarm);
    auto parsed = json::parse(text);
    CAF_CHECK_EQUAL(latin1(parsed["info_hash"]), std::string{all.hash_of(swarm).chars()});
    CAF_CHECK_EQUAL(latin1(parsed["peer_id"]), std::string{all.peer(swarm, 3).id.chars()});
    CAF_CHECK_EQUAL(parsed["offers"].size(), 5u);
    CAF_CHECK_EQUAL(parsed["offers"][4]["offer_id"].get<std::string>().size(), 20u);
    CAF_CHECK_EQUAL(parsed["offers"][0]["offer"]["type"], "offer");
    CAF_CHECK_EQUAL(parsed["numwant"], 5);
    CAF_CHECK_EQUAL(parsed["event"], "started");
    CAF_CHECK_EQUAL(parsed["left"] == 0, all.peer(swarm, 3).seed);
  }
}

CAF_TEST(an offer is answered to whom it came from) {
  population all{1, 1, 10, 50};
  ws_peer me{all, 0, 1};
  std::string text;
  CAF_CHECK(me.append_answer(text, R"({"action": "announce", "offer": {"type":"offer","sdp":"x"},)"
                                   R"( "offer_id": "ab\"c", "peer_id": "\u0001\\z"})"));
  auto parsed = json::parse(text);
  CAF_CHECK_EQUAL(parsed["to_peer_id"].get<std::string>(), "\1\\z");
  CAF_CHECK_EQUAL(parsed["offer_id"].get<std::string>(), "ab\"c");
  CAF_CHECK_EQUAL(latin1(parsed["peer_id"]), std::string{all.peer(0, 1).id.chars()});
  CAF_CHECK_EQUAL(parsed["answer"]["type"], "answer");
  for (auto bad : {"", "{}", R"({"offer_id":"x"})", R"({"offer_id":"x","peer_id":"y)",
                   R"({"offer_id":"x","peer_id":1})", R"({"offer_id":"x","peer_id":"\)"})
    CAF_CHECK(!me.append_answer(text, bad));
}

CAF_TEST(messages of a tracker are told apart) {
  CAF_CHECK(kind_of(R"({"action":"announce","interval":120,"complete":1})")
            == ws_message::announced);
  CAF_CHECK(kind_of(R"({"action":"scrape","files":{}})") == ws_message::scraped);
  CAF_CHECK(kind_of(R"({"offer":{},"offer_id":"x"})") == ws_message::offer);
  CAF_CHECK(kind_of(R"({"answer":{},"offer_id":"x"})") == ws_message::answer);
  CAF_CHECK(kind_of(R"({"failure reason":"no"})") == ws_message::failure);
  CAF_CHECK(kind_of("{}") == ws_message::unknown);
}
