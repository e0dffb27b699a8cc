// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.ws_tracker

#include "protocol/ws_tracker.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::string_literals;

namespace {

const std::string hash_text = "hhhhhhhhhhhhhhhhhhhh";
const std::string peer_text = "-TT0001-000000000001";
const std::string offer_text = "oooooooooooooooooooo";
const auto hash = *info_hash::from_bytes(hash_text);
const auto alice = *peer_id::from_bytes(peer_text);

tl::expected<ws_message, ws_fault> decode(std::string_view json) {
  static ws_decoder decoder;
  return decoder.decode(json);
}

ws_announce announced(std::string_view json) {
  auto message = decode(json);
  CAF_REQUIRE(message);
  CAF_REQUIRE(std::holds_alternative<ws_announce>(*message));
  return std::get<ws_announce>(*message);
}

/// A good announce with something more.
std::string announce(const std::string& more = {}) {
  return R"({"action":"announce","info_hash":")" + hash_text + R"(","peer_id":")" + peer_text + '"'
         + more + '}';
}

std::string offers(size_t count, const std::string& numwant = {}) {
  std::string text = numwant + R"(,"offers":[)";
  for (size_t i = 0; i < count; ++i)
    text += (i == 0 ? "" : ",") + R"({"offer_id":")"s + std::string(20, char('a' + i % 26))
            + R"(","offer":{"type":"offer","sdp":"v=)" + std::to_string(i) + R"("}})";
  return announce(text + ']');
}

std::string reason(std::string_view json) {
  auto message = decode(json);
  CAF_REQUIRE(!message);
  return message.error().reason;
}

} // namespace

CAF_TEST(an announce of the npm client is read) {
  auto got = announced(
      R"({"numwant":1,"uploaded":7,"downloaded":8,"left":9,"event":"started",)"
      R"("action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh","peer_id":"-TT0001-000000000001",)"
      R"("offers":[{"offer":{"type":"offer","sdp":"v=0\r\n\"q\""},)"
      R"("offer_id":"oooooooooooooooooooo"}]})");
  ws_announce want;
  want.swarm = hash;
  want.peer = alice;
  want.uploaded_bytes = 7;
  want.downloaded_bytes = 8;
  want.left_bytes = 9;
  want.event = announce_event::started;
  want.offers = {{*offer_id::from_bytes(offer_text), "v=0\r\n\"q\""}};
  CAF_CHECK(got == want);
}

CAF_TEST(ids are latin 1 in whatever way JSON writes it) {
  auto got = announced(R"({"action":"announce","peer_id":"-TT0001-000000000001","info_hash":")"
                       "\\u0000\\u0001\\\"\\\\\\u00ff\xc3\xbf\xc2\x80\\u0080\\n~\x7f"
                       R"(123456789"})");
  CAF_CHECK_EQUAL(got.swarm.chars(), "\0\1\"\\\xff\xff\x80\x80\n~\x7f"
                                     "123456789"s);
}

CAF_TEST(ids of other lengths and characters are refused) {
  for (auto text :
       {"", "hhhhhhhhhhhhhhhhhhh", "hhhhhhhhhhhhhhhhhhhhh", "hhhhhhhhhhhhhhhhhhh\\u0100",
        "hhhhhhhhhhhhhhhhhhh\xe2\x82\xac", "6868686868686868686868686868686868686868"})
    CAF_CHECK_EQUAL(reason(R"({"action":"announce","peer_id":"-TT0001-000000000001","info_hash":")"
                           + std::string{text} + R"("})"),
                    "invalid info_hash");
  CAF_CHECK_EQUAL(reason(R"({"action":"announce","info_hash":"hhhhhhhhhhhhhhhhhhhh"})"),
                  "invalid peer_id");
}

CAF_TEST(a fault names the swarm when the message does) {
  auto got = decode(R"({"info_hash":"hhhhhhhhhhhhhhhhhhhh","action":"announce"})");
  CAF_REQUIRE(!got);
  CAF_CHECK(got.error().swarm == hash);
  CAF_CHECK(got.error().action == ws_action::announce);
}

CAF_TEST(nobody knows what is left of a magnet) {
  CAF_CHECK_EQUAL(announced(announce(R"(,"left":null)")).left_bytes, announce_query::left_unknown);
  CAF_CHECK_EQUAL(announced(announce()).left_bytes, announce_query::left_unknown);
  CAF_CHECK_EQUAL(announced(announce(R"(,"left":-1)")).left_bytes, announce_query::left_unknown);
  CAF_CHECK_EQUAL(announced(announce(R"(,"left":"0")")).left_bytes, announce_query::left_unknown);
  CAF_CHECK_EQUAL(announced(announce(R"(,"left":0)")).left_bytes, 0u);
  CAF_CHECK_EQUAL(announced(announce(R"(,"left":0.0)")).left_bytes, 0u);
  CAF_CHECK_EQUAL(announced(announce(R"(,"left":1e30)")).left_bytes, announce_query::left_unknown);
  CAF_CHECK_EQUAL(announced(announce(R"(,"left":18446744073709551615)")).left_bytes,
                  announce_query::left_unknown);
  CAF_MESSAGE("whoever has completed it has it all");
  CAF_CHECK_EQUAL(announced(announce(R"(,"event":"completed","left":null)")).left_bytes, 0u);
  CAF_CHECK_EQUAL(announced(announce(R"(,"event":"completed")")).left_bytes, 0u);
  CAF_CHECK_EQUAL(announced(announce(R"(,"event":"completed","left":5)")).left_bytes, 5u);
}

CAF_TEST(unknown events and fields are ignored) {
  CAF_CHECK(announced(announce(R"(,"event":"update","x":{"y":[1]})")).event
            == announce_event::none);
  CAF_CHECK(announced(announce(R"(,"event":3)")).event == announce_event::none);
  CAF_CHECK(announced(announce(R"(,"event":"stopped","event":"started")")).event
            == announce_event::stopped);
  CAF_CHECK(announced(announce(R"(,"event":"paused")")).event == announce_event::paused);
}

CAF_TEST(offers are taken up to what is wanted and to the limit) {
  CAF_CHECK_EQUAL(announced(offers(3)).offers.size(), 3u);
  CAF_CHECK_EQUAL(announced(offers(3, R"(,"numwant":2)")).offers.size(), 2u);
  CAF_CHECK_EQUAL(announced(offers(3, R"(,"numwant":0)")).offers.size(), 0u);
  CAF_CHECK_EQUAL(announced(offers(3, R"(,"numwant":null)")).offers.size(), 3u);
  CAF_CHECK_EQUAL(announced(offers(25, R"(,"numwant":50)")).offers.size(), limits::ws_offers_max);
  CAF_CHECK_EQUAL(announced(announce(R"(,"offers":null)")).offers.size(), 0u);
}

CAF_TEST(offers that nobody could answer are refused) {
  for (auto list : {R"("x")", R"([1])", R"([{}])", R"([{"offer_id":"oooooooooooooooooooo"}])",
                    R"([{"offer_id":"short","offer":{"type":"offer","sdp":""}}])",
                    R"([{"offer_id":"oooooooooooooooooooo","offer":{"type":"offer"}}])",
                    R"([{"offer_id":"oooooooooooooooooooo","offer":{"sdp":"x"}}])",
                    R"([{"offer_id":"oooooooooooooooooooo","offer":{"type":"answer","sdp":"x"}}])",
                    R"([{"offer_id":"oooooooooooooooooooo","offer":"x"}])"})
    CAF_CHECK_EQUAL(reason(announce(R"(,"offers":)" + std::string{list})), "invalid offers");
}

CAF_TEST(an answer is read) {
  auto message = decode(announce(R"(,"to_peer_id":"-TT0001-000000000002",)"
                                 R"("offer_id":"oooooooooooooooooooo",)"
                                 R"("answer":{"type":"answer","sdp":"v=1"})"));
  CAF_REQUIRE(message);
  ws_answer want{hash, alice, *peer_id::from_bytes("-TT0001-000000000002"),
                 *offer_id::from_bytes(offer_text), "v=1"};
  CAF_CHECK(std::get<ws_answer>(*message) == want);
}

CAF_TEST(an answer must say to whom and to what) {
  auto to = R"(,"to_peer_id":"-TT0001-000000000002")"s;
  auto offer = R"(,"offer_id":"oooooooooooooooooooo")"s;
  auto answer = R"(,"answer":{"type":"answer","sdp":"v=1"})"s;
  CAF_CHECK_EQUAL(reason(announce(offer + answer)), "invalid to_peer_id");
  CAF_CHECK_EQUAL(reason(announce(to + answer)), "invalid offer_id");
  CAF_CHECK_EQUAL(reason(announce(to + offer + R"(,"answer":{"sdp":"x"})")), "invalid answer");
  CAF_CHECK_EQUAL(reason(announce(to + offer + R"(,"answer":"x")")), "invalid answer");
}

CAF_TEST(a scrape names one swarm or several) {
  auto scraped = [](std::string_view json) {
    auto message = decode(json);
    CAF_REQUIRE(message);
    return std::get<ws_scrape>(*message).swarms;
  };
  CAF_CHECK_EQUAL(scraped(R"({"action":"scrape","info_hash":"hhhhhhhhhhhhhhhhhhhh"})").size(), 1u);
  CAF_CHECK_EQUAL(scraped(R"({"action":"scrape","info_hash":["hhhhhhhhhhhhhhhhhhhh",)"
                          R"("iiiiiiiiiiiiiiiiiiii","hhhhhhhhhhhhhhhhhhhh"]})")
                      .size(),
                  2u);
}

CAF_TEST(what an agent says is read as it was written) {
  ws_agent said{"shelf \"1\"", "oslo", 125'000'000, 7, 3, 6881, {}};
  said.swarms.push_back({*info_hash::from_hex(std::string(40, 'a')), 10, 20});
  said.swarms.push_back({*info_hash::from_hex(std::string(40, 'b')), 0, 1});
  std::string text;
  append_ws_agent(text, said);
  auto message = decode(text);
  CAF_REQUIRE(message);
  CAF_CHECK(std::get<ws_agent>(*message) == said);
  message = decode(R"({"action":"agent","swarms":[],"zone":7,"capacity":-1,"more":{}})");
  CAF_REQUIRE(message);
  CAF_CHECK(std::get<ws_agent>(*message) == ws_agent{});
  text.clear();
  append_ws_agent_reply(text, 30);
  CAF_CHECK_EQUAL(text, R"({"action":"agent","interval":30})");
}

CAF_TEST(an agent that makes no sense is refused) {
  CAF_CHECK_EQUAL(reason(R"({"action":"agent"})"), "an agent must name its swarms");
  CAF_CHECK_EQUAL(reason(R"({"action":"agent","swarms":[1]})"), "invalid info_hash");
  CAF_CHECK_EQUAL(reason(R"({"action":"agent","swarms":[{"info_hash":"xy"}]})"),
                  "invalid info_hash");
  CAF_CHECK_EQUAL(reason(R"({"action":"agent","port":70000,"swarms":[]})"), "invalid port");
  std::string many = R"({"action":"agent","swarms":[)";
  for (size_t i = 0; i <= limits::agent_swarms_max; ++i)
    many.append(i ? "," : "").append(R"({"info_hash":")").append(40, 'a').append("\"}");
  CAF_CHECK_EQUAL(reason(many + "]}"), "too many swarms");
}

CAF_TEST(a scrape of everything or of too much is refused) {
  for (auto list : {"null", "[]"})
    CAF_CHECK_EQUAL(reason(R"({"action":"scrape","info_hash":)" + std::string{list} + '}'),
                    "a scrape must name its info_hash");
  CAF_CHECK_EQUAL(reason(R"({"action":"scrape"})"), "a scrape must name its info_hash");
  for (auto list : {"1", R"("short")", R"([1])", R"(["short"])"})
    CAF_CHECK_EQUAL(reason(R"({"action":"scrape","info_hash":)" + std::string{list} + '}'),
                    "invalid info_hash");
  std::string many;
  for (size_t i = 0; i <= limits::scrape_hashes_max; ++i) {
    auto number = std::to_string(i);
    many += (i == 0 ? "\"" : ",\"") + std::string(20 - number.size(), 'h') + number + '"';
  }
  CAF_CHECK_EQUAL(reason(R"({"action":"scrape","info_hash":[)" + many + "]}"),
                  "too many info_hashes");
  CAF_CHECK(decode(R"({"action":"scrape"})").error().action == ws_action::scrape);
}

CAF_TEST(what is no message is refused) {
  for (auto text : {"", "x", "1", "[]", "null", "{", "{}x", "{\"action\":\"announce\"", "\xff\xfe",
                    "{\"action\":\"\xff\"}"})
    CAF_CHECK_EQUAL(reason(text), "a message must be a JSON object");
  for (auto text : {"{}", R"({"action":1})", R"({"action":"connect"})", R"({"action":null})"})
    CAF_CHECK_EQUAL(reason(text), "invalid action");
  auto deep = announce(R"(,"x":)" + std::string(40, '[') + std::string(40, ']'));
  CAF_CHECK_EQUAL(reason(deep), "a message must be a JSON object");
  auto long_one = announce(R"(,"x":")" + std::string(limits::ws_message_bytes_max, 'x') + '"');
  CAF_CHECK_EQUAL(reason(long_one), "the message is too long");
}

CAF_TEST(no beginning of a message is a message) {
  auto whole = offers(2, R"(,"left":5,"event":"started","numwant":5)");
  CAF_REQUIRE(decode(whole));
  for (size_t n = 0; n < whole.size(); ++n)
    CAF_CHECK(!decode(std::string_view{whole}.substr(0, n)));
}

CAF_TEST(the tracker writes what the document says) {
  std::string out;
  append_ws_reply(out, {hash, 120, 1, 2});
  CAF_CHECK_EQUAL(out, R"({"action":"announce","interval":120,"info_hash":"hhhhhhhhhhhhhhhhhhhh",)"
                       R"("complete":1,"incomplete":2})");
  out.clear();
  ws_offer offer{*offer_id::from_bytes(offer_text), "v=0\r\n\"\\\x01\xc3\xa9"};
  append_ws_offer(out, hash, alice, offer);
  CAF_CHECK_EQUAL(out, R"({"action":"announce","offer":{"type":"offer",)"
                       R"("sdp":"v=0\r\n\"\\\u0001)"
                       "\xc3\xa9"
                       R"("},"offer_id":"oooooooooooooooooooo",)"
                       R"("peer_id":"-TT0001-000000000001","info_hash":"hhhhhhhhhhhhhhhhhhhh"})");
  out.clear();
  append_ws_answer(out, hash, alice, {offer.id, "x"});
  CAF_CHECK_EQUAL(out, R"({"action":"announce","answer":{"type":"answer","sdp":"x"},)"
                       R"("offer_id":"oooooooooooooooooooo","peer_id":"-TT0001-000000000001",)"
                       R"("info_hash":"hhhhhhhhhhhhhhhhhhhh"})");
  out.clear();
  std::array<ws_scrape_entry, 2> entries{{{hash, 1, 2, 3}, {{}, 0, 0, 0}}};
  append_ws_scrape(out, entries, 60);
  std::string zeros;
  for (int i = 0; i < 20; ++i)
    zeros += "\\u0000";
  CAF_CHECK_EQUAL(out, R"({"action":"scrape","files":{"hhhhhhhhhhhhhhhhhhhh":)"
                       R"({"complete":1,"incomplete":2,"downloaded":3},")"
                           + zeros
                           + R"(":{"complete":0,"incomplete":0,"downloaded":0}},)"
                             R"("flags":{"min_request_interval":60}})");
  out.clear();
  append_ws_failure(out, {ws_action::announce, hash, "no \"x\""});
  CAF_CHECK_EQUAL(out, R"({"action":"announce","failure reason":"no \"x\"",)"
                       R"("info_hash":"hhhhhhhhhhhhhhhhhhhh"})");
}

CAF_TEST(every byte of an id survives writing and reading) {
  for (unsigned shift = 0; shift < 256; shift += 16) {
    ws_reply reply;
    for (unsigned i = 0; i < 20; ++i)
      reply.swarm.bytes[i] = static_cast<uint8_t>(shift + i);
    std::string out;
    append_ws_reply(out, reply);
    out.insert(out.size() - 1, R"(,"peer_id":"-TT0001-000000000001")");
    CAF_CHECK(announced(out).swarm == reply.swarm);
  }
}
