// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.manifest

#include "protocol/manifest.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

sha256_digest digest(uint8_t fill) {
  sha256_digest id;
  id.bytes.fill(fill);
  return id;
}

manifest sample() {
  manifest m;
  m.id = *model_id::parse("org/model");
  m.rev = "v1.0";
  m.files = {{"config.json", 12, digest(1), digest(2)},
             {"empty", 0, digest(3), std::nullopt, sha1("blob 0")},
             {"w/\xc3\xbc #%.bin", uint64_t{1} << 40, digest(4), digest(5)}};
  m.torrents = {{"hybrid", info_hash{}, digest(6), digest(7)},
                {"v1", info_hash{}, std::nullopt, digest(8)}};
  return m;
}

bool is_refused(const manifest& m) {
  return !validate(m) && !decode_manifest(encode_manifest(m));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  CAF_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

} // namespace

CAF_TEST(a manifest survives the way to JSON and back) {
  CAF_CHECK(decode_manifest(encode_manifest(sample())) == sample());
  auto m = sample();
  m.is_private = true;
  m.kind = "dataset";
  m.id = *model_id::parse("gpt2");
  m.torrents.clear();
  m.card
      = {R"({"license":"mit","model-index":[{"results":[[[[1]]]]}]})", "", "fill-mask", "", {"a"}};
  CAF_CHECK(decode_manifest(encode_manifest(m)) == m);
}

CAF_TEST(the JSON is canonical) {
  manifest m;
  m.id = *model_id::parse("o/m");
  m.rev = "r";
  m.files = {{"f", 1, digest(0xab), std::nullopt}};
  CAF_CHECK_EQUAL(encode_manifest(m), "{\"files\":[{\"path\":\"f\",\"sha256\":\""
                                          + digest(0xab).hex()
                                          + "\",\"size\":1}],\"id\":\"o/m\",\"kind\":\"model\","
                                            "\"private\":false,\"rev\":\"r\",\"torrents\":[],"
                                            "\"version\":1}");
}

CAF_TEST(normalizing puts files and torrents in order) {
  auto m = sample();
  std::swap(m.files[0], m.files[2]);
  std::swap(m.torrents[0], m.torrents[1]);
  CAF_CHECK(is_refused(m));
  normalize(m);
  CAF_CHECK(m == sample());
}

CAF_TEST(files and torrents are found by name) {
  const auto m = sample();
  CAF_REQUIRE(m.find_file("empty") != nullptr);
  CAF_CHECK_EQUAL(m.find_file("empty")->sha256, digest(3));
  CAF_CHECK(m.find_file("w") == nullptr && m.find_file("zzz") == nullptr);
  CAF_REQUIRE(m.find_torrent("v1") != nullptr);
  CAF_CHECK(m.find_torrent("v2") == nullptr);
  CAF_CHECK_EQUAL(m.total_size_bytes(), (uint64_t{1} << 40) + 12);
}

CAF_TEST(unsafe and clashing paths are refused) {
  for (std::string path : {"", "/a", "../a", "a/../b", "a//b", "a/", ".", "a/.", "\xff"}) {
    auto m = sample();
    m.files = {{path, 1, digest(1), std::nullopt}};
    CAF_CHECK(!validate(m));
  }
  auto with_nul = sample();
  with_nul.files = {{std::string("a\0b", 3), 1, digest(1), std::nullopt}};
  CAF_CHECK(is_refused(with_nul));
  auto doubled = sample();
  doubled.files.push_back(doubled.files.back());
  CAF_CHECK(is_refused(doubled));
  auto clash = sample();
  clash.files = {{"a", 1, digest(1), std::nullopt}, {"a/b", 1, digest(1), std::nullopt}};
  CAF_CHECK(is_refused(clash));
  auto empty = sample();
  empty.files.clear();
  CAF_CHECK(is_refused(empty));
}

CAF_TEST(bad names and kinds and torrents are refused) {
  auto m = sample();
  m.rev = "a@b";
  CAF_CHECK(is_refused(m));
  m = sample();
  m.kind = "virus";
  CAF_CHECK(is_refused(m));
  m = sample();
  m.id.ns = "a/b";
  CAF_CHECK(is_refused(m));
  m = sample();
  m.torrents[1].v2 = digest(1);
  CAF_CHECK(is_refused(m));
  m = sample();
  m.torrents[0].format = "v3";
  CAF_CHECK(is_refused(m));
  m = sample();
  m.files[0].size_bytes = limits::object_bytes_max + 1;
  CAF_CHECK(is_refused(m));
}

CAF_TEST(what is no manifest is refused) {
  const auto good = encode_manifest(sample());
  for (std::string text : {"", "null", "[]", "{}", "{", "\"x\"", "{\"version\":1}"})
    CAF_CHECK(!decode_manifest(text));
  CAF_CHECK(!decode_manifest(replaced(good, "\"version\":1", "\"version\":2")));
  CAF_CHECK(!decode_manifest(replaced(good, "\"size\":12", "\"size\":-12")));
  CAF_CHECK(!decode_manifest(replaced(good, "\"size\":12", "\"size\":1.5")));
  CAF_CHECK(!decode_manifest(replaced(good, "\"private\":false", "\"private\":0")));
  CAF_CHECK(!decode_manifest(replaced(good, digest(1).hex(), "01")));
  CAF_CHECK(!decode_manifest(replaced(good, digest(2).hex(), digest(2).hex() + "0")));
  for (size_t size = 0; size < good.size(); ++size)
    CAF_CHECK(!decode_manifest(std::string_view(good).substr(0, size)));
}

CAF_TEST(unknown keys are ignored) {
  const auto text = replaced(encode_manifest(sample()), "{\"files\":[{",
                             "{\"extra\":{\"a\":[1,[2]]},\"files\":[{\"note\":\"x\",");
  CAF_CHECK(decode_manifest(text) == sample());
}

CAF_TEST(deep nesting costs nothing) {
  const size_t depth = 1'000'000;
  CAF_CHECK(!decode_manifest(std::string(depth, '[') + std::string(depth, ']')));
  CAF_CHECK(
      !decode_manifest("{\"files\":" + std::string(depth, '[') + std::string(depth, ']') + "}"));
}
