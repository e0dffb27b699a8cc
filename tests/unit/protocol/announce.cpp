// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.announce

#include "protocol/announce.hpp"

#include "core/limits.hpp"
#include "protocol/percent.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

const auto hash20
    = "\x12\x34\x56\x78\x9a\xbc\xde\xf1\x23\x45\x67\x89\xab\xcd\xef\x12\x34\x56\x78\x9a"s;
const auto hash_field = "info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A"s;
const auto peer_field = "&peer_id=-TR3000-abcdefghijkl"s;
const auto base = hash_field + peer_field + "&port=6881";

announce_query parsed(const std::string& raw) {
  auto query = parse_announce(raw);
  if (!query)
    CAF_FAIL("refused: " + raw);
  return *query;
}

std::string refusal(const std::string& raw) {
  auto query = parse_announce(raw);
  return query ? "accepted" : query.error().detail;
}

} // namespace

CAF_TEST(an announce of libtorrent is understood) {
  auto query = parsed(hash_field
                      + "&peer_id=-LT2080-%00%ff%2bxyz%20ABCDE&port=17001&uploaded=1&downloaded=22"
                        "&left=333&corrupt=0&key=1A2B3C4D&event=started&numwant=200&compact=1"
                        "&no_peer_id=1&supportcrypto=1&redundant=0"s);
  CAF_CHECK_EQUAL(query.swarm.chars(), hash20);
  CAF_CHECK(!query.v2_hash);
  CAF_CHECK_EQUAL(query.peer.chars(), "-LT2080-\0\xff+xyz ABCDE"sv);
  CAF_CHECK_EQUAL(query.port, 17001);
  CAF_CHECK_EQUAL(query.uploaded_bytes, 1u);
  CAF_CHECK_EQUAL(query.downloaded_bytes, 22u);
  CAF_CHECK_EQUAL(query.left_bytes, 333u);
  CAF_CHECK_EQUAL(query.key, "1A2B3C4D");
  CAF_CHECK(query.event == announce_event::started);
  CAF_CHECK(query.numwant == 200u);
  CAF_CHECK(query.compact);
  CAF_CHECK(query.no_peer_id);
}

CAF_TEST(what is left out has a safe default) {
  auto query = parsed(base);
  CAF_CHECK_EQUAL(query.left_bytes, announce_query::left_unknown);
  CAF_CHECK(!query.is_seeder());
  CAF_CHECK(query.event == announce_event::none);
  CAF_CHECK(!query.numwant);
  CAF_CHECK(query.compact);
  CAF_CHECK(!query.no_peer_id);
  CAF_CHECK_EQUAL(query.uploaded_bytes, 0u);
  CAF_CHECK(query.key.empty());
}

CAF_TEST(a full v2 hash is truncated and remembered) {
  std::string full = hash20 + "0123456789ab";
  auto query = parsed("info_hash=" + percent_encode(full) + peer_field + "&port=1");
  CAF_CHECK_EQUAL(query.swarm.chars(), hash20);
  CAF_REQUIRE(query.v2_hash.has_value());
  CAF_CHECK_EQUAL(query.v2_hash->chars(), full);
}

CAF_TEST(raw bytes and escapes mean the same) {
  auto all_escaped = "info_hash="s;
  for (auto byte : as_bytes(hash20))
    all_escaped += "%" + to_hex({&byte, 1});
  auto query = parsed(all_escaped + peer_field + "&port=6881");
  CAF_CHECK(query == parsed(base));
  CAF_CHECK(query == parsed("info_hash=" + percent_encode(hash20) + peer_field + "&port=6881"));
  CAF_CHECK(query
            == parsed("%69nfo%5fhash=" + percent_encode(hash20) + peer_field + "&po%72t=%36881"));
  auto raw = "info_hash=\xff\xfe\xfd+4567890123456789"s;
  CAF_CHECK_EQUAL(parsed(raw + peer_field + "&port=1").swarm.hex(),
                  to_hex(as_bytes(raw).subspan(10)));
}

CAF_TEST(every event word has its meaning and others mean nothing) {
  CAF_CHECK(parsed(base + "&event=started").event == announce_event::started);
  CAF_CHECK(parsed(base + "&event=completed").event == announce_event::completed);
  CAF_CHECK(parsed(base + "&event=stopped").event == announce_event::stopped);
  CAF_CHECK(parsed(base + "&event=paused").event == announce_event::paused);
  CAF_CHECK(parsed(base + "&event=p%61used").event == announce_event::paused);
  for (auto word : {"", "empty", "none", "STARTED", "resumed", "update", "%zz", "0", "started%00"})
    CAF_CHECK(parsed(base + "&event=" + word).event == announce_event::none);
  CAF_CHECK_EQUAL(name(announce_event::paused), "paused");
  CAF_CHECK_EQUAL(name(announce_event::none), "");
}

CAF_TEST(counts never overflow) {
  constexpr uint64_t max = announce_query::left_unknown;
  auto left = [](std::string_view text) {
    return parsed(base + "&left=" + std::string{text}).left_bytes;
  };
  CAF_CHECK_EQUAL(left("0"), 0u);
  CAF_CHECK_EQUAL(left("16384"), 16384u);
  CAF_CHECK_EQUAL(left("9223372036854775806"), max - 1);
  for (auto text : {"9223372036854775807", "9223372036854775808", "18446744073709551615",
                    "18446744073709551616", "99999999999999999999999999999999999999", "-1",
                    "-9223372036854775808", "-0", "", "NaN", "null"})
    CAF_CHECK_EQUAL(left(text), max);
  auto query = parsed(base + "&uploaded=99999999999999999999&downloaded=18446744073709551615");
  CAF_CHECK_EQUAL(query.uploaded_bytes, max);
  CAF_CHECK_EQUAL(query.downloaded_bytes, max);
  CAF_CHECK_EQUAL(parsed(base + "&uploaded=&downloaded=-0").uploaded_bytes, 0u);
}

CAF_TEST(a client that completed without left is a seeder) {
  CAF_CHECK(parsed(base + "&event=completed").is_seeder());
  CAF_CHECK(parsed(base + "&left=NaN&event=completed").is_seeder());
  CAF_CHECK(parsed(base + "&event=completed&left=").is_seeder());
  CAF_CHECK(!parsed(base + "&event=completed&left=5").is_seeder());
}

CAF_TEST(numwant is clamped or the default) {
  CAF_CHECK(parsed(base + "&numwant=0").numwant == 0u);
  CAF_CHECK(parsed(base + "&numwant=1000").numwant == 1000u);
  CAF_CHECK(parsed(base + "&numwant=1001").numwant == limits::numwant_max);
  CAF_CHECK(parsed(base + "&numwant=99999999999999999999").numwant == limits::numwant_max);
  CAF_CHECK(!parsed(base + "&numwant=-1").numwant);
  CAF_CHECK(!parsed(base + "&numwant=").numwant);
}

CAF_TEST(compact zero is understood and never refused) {
  CAF_CHECK(!parsed(base + "&compact=0").compact);
  CAF_CHECK(parsed(base + "&compact").compact);
  CAF_CHECK(parsed(base + "&compact=yes").compact);
  CAF_CHECK(!parsed(base + "&no_peer_id=0").no_peer_id);
  CAF_CHECK(parsed(base + "&no_peer_id").no_peer_id);
}

CAF_TEST(port zero is fine for a client that leaves) {
  CAF_CHECK_EQUAL(parsed(hash_field + peer_field + "&port=0&event=stopped").port, 0);
  CAF_CHECK_EQUAL(parsed(hash_field + peer_field + "&event=stopped").port, 0);
  CAF_CHECK_EQUAL(parsed(hash_field + peer_field + "&port=65535").port, 65535);
}

CAF_TEST(odd separators and unknown parameters do no harm) {
  CAF_CHECK(parsed("&&" + base + "&&&") == parsed(base));
  CAF_CHECK(parsed("flag&" + base + "&x=%zz&=&==&info_hash_=1&%zz=1") == parsed(base));
  CAF_CHECK(parsed(base + "&ip=8.8.8.8&ipv4=1.1.1.1:5&ipv6=::1&corrupt=x") == parsed(base));
}

CAF_TEST(of repeated parameters the first counts) {
  CAF_CHECK_EQUAL(parsed(base + "&port=1&port=x").port, 6881);
  CAF_CHECK_EQUAL(refusal(base + "&" + hash_field), "info_hash must be given once");
}

CAF_TEST(keys are opaque and bounded) {
  CAF_CHECK_EQUAL(parsed(base + "&key=%00%ffa+b").key, "\0\xff"
                                                       "a+b"s);
  CAF_CHECK_EQUAL(parsed(base + "&key=" + std::string(64, 'k')).key, std::string(64, 'k'));
  CAF_CHECK_EQUAL(refusal(base + "&key=" + std::string(65, 'k')),
                  "key must be at most 64 bytes, well escaped");
  CAF_CHECK_EQUAL(parsed(base + "&trackerid=abc").tracker_id, "abc");
  CAF_CHECK_EQUAL(parsed(base + "&trackerid=" + std::string(65, 't')).tracker_id, "");
}

CAF_TEST(a refusal says what is wrong) {
  CAF_CHECK_EQUAL(refusal(""), "info_hash is missing");
  CAF_CHECK_EQUAL(refusal(peer_field + "&port=1"), "info_hash is missing");
  CAF_CHECK_EQUAL(refusal(hash_field + "&port=1"), "peer_id is missing");
  CAF_CHECK_EQUAL(refusal(hash_field + peer_field), "port is missing");
  CAF_CHECK_EQUAL(refusal("info_hash=abc"), "info_hash must be 20 or 32 bytes");
  CAF_CHECK_EQUAL(refusal("info_hash=" + std::string(40, 'a')), "info_hash must be 20 or 32 bytes");
  CAF_CHECK_EQUAL(refusal("info_hash=%zz"), "info_hash is badly escaped or too long");
  CAF_CHECK_EQUAL(refusal(hash_field + "&peer_id=short"), "peer_id must be 20 bytes, well escaped");
  CAF_CHECK_EQUAL(refusal(hash_field + peer_field + "&port=65536"), "port must be 1 to 65535");
  CAF_CHECK_EQUAL(refusal(base + "&uploaded=-1"), "uploaded must be a non-negative integer");
  CAF_CHECK_EQUAL(refusal(base + "&left=1e9"), "left must be an integer");
  CAF_CHECK_EQUAL(refusal(base + "&numwant=many"), "numwant must be an integer");
  CAF_CHECK(parse_announce("").error().code == ec::missing_argument);
  CAF_CHECK(parse_announce("info_hash=1").error().code == ec::invalid_argument);
}
