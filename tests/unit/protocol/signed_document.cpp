// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.signed_document

#include "protocol/signed_document.hpp"

#include "core/hex.hpp"

#include <caf/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace shoal;
using nlohmann::json;

namespace {

std::string bytes_of(std::string_view hex) {
  std::vector<uint8_t> bytes(hex.size() / 2);
  CAF_REQUIRE(from_hex(hex, bytes));
  return std::string{as_chars(bytes)};
}

ed25519_key key_of(char fill) {
  return *ed25519_key::from_seed(std::string(32, fill));
}

verification_key public_half(const ed25519_key& key) {
  return {key_id_of(key.public_key()), key.public_key(), 100, 200};
}

json sample(const ed25519_key& key, unix_seconds now = 150) {
  json doc{{"b", 1}, {"a", {"x", "\xc3\xbc"}}};
  sign_document(doc, key, now);
  return doc;
}

} // namespace

CAF_TEST(signatures are those of RFC 8032) {
  // Section 7.1, tests 1 and 3.
  auto one = ed25519_key::from_seed(
      bytes_of("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  CAF_REQUIRE(one);
  CAF_CHECK_EQUAL(one->public_key().hex(),
                  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  CAF_CHECK_EQUAL(one->sign("").hex(),
                  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
                  "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  auto three = ed25519_key::from_seed(
      bytes_of("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"));
  auto message = bytes_of("af82");
  CAF_CHECK_EQUAL(three->sign(message).hex(),
                  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
                  "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
  CAF_CHECK(verify(three->public_key(), message, three->sign(message)));
  CAF_CHECK(!verify(three->public_key(), "af82", three->sign(message)));
  CAF_CHECK(!verify(one->public_key(), message, three->sign(message)));
  CAF_CHECK(!ed25519_key::from_seed("short"));
}

CAF_TEST(keys are named as RFC 8037 says) {
  // Appendix A.3.
  auto key = ed25519_public::from_hex(
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  CAF_CHECK_EQUAL(key_id_of(*key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

CAF_TEST(a document that was signed is known again) {
  auto key = key_of('k');
  auto doc = sample(key);
  CAF_CHECK_EQUAL(canonical_json(json{{"b", 1}, {"a", {"x", "\xc3\xbc"}}}),
                  "{\"a\":[\"x\",\"\xc3\xbc\"],\"b\":1}");
  CAF_CHECK(verify_document(doc, {public_half(key)}) == public_half(key));
  auto again = json::parse(doc.dump(2));
  CAF_CHECK(verify_document(again, {public_half(key_of('x')), public_half(key)}));
  sign_document(doc, key_of('x'), 150);
  CAF_CHECK(verify_document(doc, {public_half(key_of('x'))}));
}

CAF_TEST(whatever was changed is noticed) {
  auto key = key_of('k');
  std::vector keys{public_half(key)};
  auto code = [&](auto change) {
    auto doc = sample(key);
    change(doc);
    auto checked = verify_document(doc, keys);
    return checked ? ec::ec_sentinel_ : checked.error().code;
  };
  CAF_CHECK(code([](json& x) { x["b"] = 2; }) == ec::hash_mismatch);
  CAF_CHECK(code([](json& x) { x["c"] = 2; }) == ec::hash_mismatch);
  CAF_CHECK(code([](json& x) { x.erase("b"); }) == ec::hash_mismatch);
  CAF_CHECK(code([](json& x) { x["signature"]["signed_at"] = 151; }) == ec::hash_mismatch);
  CAF_CHECK(code([](json& x) { x["signature"]["more"] = 1; }) == ec::hash_mismatch);
  CAF_CHECK(code([](json& x) { x["signature"]["key_id"] = "y"; }) == ec::unauthorized);
  CAF_CHECK(code([](json& x) { x["signature"]["value"] = "AAAA"; }) == ec::invalid_argument);
  CAF_CHECK(code([](json& x) { x["signature"]["algorithm"] = "none"; }) == ec::invalid_argument);
  CAF_CHECK(code([](json& x) { x["signature"] = "x"; }) == ec::invalid_argument);
  CAF_CHECK(code([](json& x) { x = json::array(); }) == ec::invalid_argument);
  CAF_CHECK(code([](json&) {}) == ec::ec_sentinel_);
}

CAF_TEST(a key counts in its time) {
  auto key = key_of('k');
  std::vector keys{public_half(key)};
  CAF_CHECK(!verify_document(sample(key, 201), keys));
  CAF_CHECK(verify_document(sample(key, 200), keys));
  keys.front().not_before = 1000;
  keys.front().not_after = 0;
  CAF_CHECK(verify_document(sample(key, 1'000'000), keys));
  CAF_CHECK(!verify_document(sample(key, 150), keys));
}

CAF_TEST(a set of keys survives the way to JSON and back) {
  auto endless = public_half(key_of('y'));
  endless.not_after = 0;
  std::vector keys{public_half(key_of('x')), endless};
  CAF_CHECK(parse_key_set(key_set_json(keys).dump()) == keys);
  for (auto bad : {"", "[]", "{}", R"({"keys":[]})", R"({"keys":[{"kty":"RSA"}]})",
                   R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]})", R"({"keys":[[]]})"})
    CAF_CHECK(!parse_key_set(bad));
  // What a name says is not believed.
  auto lying = key_set_json({keys[0]});
  lying["keys"][0]["kid"] = "another";
  CAF_CHECK(parse_key_set(lying.dump())->front().id == keys[0].id);
}
