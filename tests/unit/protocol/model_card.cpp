// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.model_card

#include "protocol/model_card.hpp"

#include "core/limits.hpp"
#include "protocol/manifest.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

model_card card_of(file_header header, std::string_view category = {}) {
  return make_card("a/b.safetensors", header, category).card;
}

model_card worded(std::map<std::string, std::string, std::less<>> words) {
  file_header header;
  header.words = std::move(words);
  return card_of(header);
}

model_card with(bool tensor_traits::*trait) {
  file_header header;
  header.traits.*trait = true;
  return card_of(header);
}

} // namespace

CAF_TEST(the title is that of the header or else the name of the file) {
  CAF_CHECK_EQUAL(worded({{"modelspec.title", "A"}, {"title", "B"}}).title, "A");
  CAF_CHECK_EQUAL(worded({{"title", " B "}, {"alt", "C"}}).title, "B");
  CAF_CHECK_EQUAL(worded({{"alt", "C"}}).title, "C");
  CAF_CHECK_EQUAL(worded({{"modelspec.title", "  "}}).title, "b");
  CAF_CHECK_EQUAL(plain_card("x/y.z.gguf").title, "y.z");
}

CAF_TEST(the class is what the header says first) {
  CAF_CHECK_EQUAL(worded({{"modelspec.architecture", "SDXL"}}).architecture,
                  "stable-diffusion-xl-v1-base");
  CAF_CHECK_EQUAL(worded({{"model_type", "x"}, {"architecture", "Y"}}).architecture, "y");
  CAF_CHECK_EQUAL(with(&tensor_traits::sd1).architecture, "stable-diffusion-v1");
  CAF_CHECK_EQUAL(with(&tensor_traits::flux).architecture, "flux-1-schnell");
  CAF_CHECK_EQUAL(worded({}).architecture, "unknown");
}

CAF_TEST(the size of images is that of the header or of the class) {
  auto size = [](const model_card& x) { return std::pair{x.width, x.height}; };
  CAF_CHECK(size(worded({{"modelspec.resolution", "640x480"}})) == std::pair(640u, 480u));
  for (auto bad : {"640", "x", "0x5", "640x", "640x480x1", "99999999x1", "-1x5"})
    CAF_CHECK(size(worded({{"modelspec.resolution", bad}, {"architecture", "sdxl"}}))
              == std::pair(1024u, 1024u));
  CAF_CHECK(size(worded({})) == std::pair(0u, 0u));
}

CAF_TEST(the subtype follows from the publisher or the class or the tensors) {
  file_header lora;
  lora.traits.adapter = true;
  CAF_CHECK_EQUAL(card_of(lora).subtype, "LoRA");
  CAF_CHECK_EQUAL(card_of(lora, "vae").subtype, "VAE");
  CAF_CHECK_EQUAL(card_of(lora, "something").subtype, "LoRA");
  CAF_CHECK_EQUAL(worded({{"modelspec.architecture", "stable-diffusion-v1/lora"}}).subtype, "LoRA");
  CAF_CHECK_EQUAL(with(&tensor_traits::language).subtype, "LLM");
  CAF_CHECK_EQUAL(with(&tensor_traits::clip_vision).subtype, "ClipVision");
  CAF_CHECK_EQUAL(worded({}).subtype, "Stable-Diffusion");
  file_header gguf;
  gguf.is_gguf = true;
  CAF_CHECK_EQUAL(card_of(gguf).subtype, "LLM");
  gguf.words["general.architecture"] = "flux";
  CAF_CHECK_EQUAL(card_of(gguf).subtype, "Stable-Diffusion");
}

CAF_TEST(tags are a list of words or of JSON) {
  using list = std::vector<std::string>;
  CAF_CHECK(worded({{"modelspec.tags", "a, b ,,c"}}).tags == list({"a", "b", "c"}));
  CAF_CHECK(worded({{"modelspec.tags", R"(["x, y", 5, "z"])"}}).tags == list({"x, y", "z"}));
  CAF_CHECK(worded({{"tags", "[oops"}}).tags == list({"[oops"}));
  std::string many;
  for (size_t i = 0; i < limits::card_tags_max + 5; ++i)
    many += "t,";
  CAF_CHECK_EQUAL(worded({{"tags", many}}).tags.size(), limits::card_tags_max);
}

CAF_TEST(a preview is an image that was encoded as one) {
  file_header header;
  header.words["modelspec.thumbnail"] = "data:image/jpg;base64,aGVsbG8=";
  auto made = make_card("m.safetensors", header, {});
  CAF_CHECK_EQUAL(made.preview_bytes, "hello");
  CAF_CHECK_EQUAL(made.card.preview_type, "image/jpeg");
  for (auto bad : {"data:text/html;base64,aGVsbG8=", "data:image/png,aGVsbG8=", "http://x/y.png",
                   "data:image/png;base64,####", "data:image/svg+xml;base64,aGVsbG8="}) {
    header.words["modelspec.thumbnail"] = bad;
    CAF_CHECK(make_card("m.safetensors", header, {}).preview_bytes.empty());
  }
}

CAF_TEST(model files are told by their names) {
  CAF_CHECK(is_model_file("a/b.SafeTensors") && is_model_file("x.gguf") && is_model_file("y.sft"));
  CAF_CHECK(!is_model_file(".gguf") && !is_model_file("x.ckpt") && !is_model_file("x.gguf.txt"));
}

CAF_TEST(cards survive the way through a manifest) {
  manifest m;
  m.id = *model_id::parse("o/m");
  m.rev = "r";
  m.files = {{"a.gguf", 1, {}, std::nullopt}, {"b.safetensors", 1, {}, std::nullopt}};
  auto without = encode_manifest(m);
  CAF_CHECK(without.find("cards") == std::string::npos);
  CAF_CHECK(without.find("gated") == std::string::npos);
  auto full = worded({{"title", "T"}, {"tags", "x,y"}, {"modelspec.resolution", "8x9"}});
  full.path = "b.safetensors";
  full.tensor_sha256 = sha256("tensors");
  full.preview = sha256("preview");
  full.preview_type = "image/png";
  m.cards = {full, plain_card("a.gguf")};
  m.is_gated = true;
  normalize(m);
  CAF_CHECK(decode_manifest(encode_manifest(m)) == m);
  CAF_CHECK(m.find_card("b.safetensors")->title == "T" && !m.find_card("c"));
}

CAF_TEST(cards that cannot be are refused) {
  manifest m;
  m.id = *model_id::parse("o/m");
  m.rev = "r";
  m.files = {{"a.gguf", 1, {}, std::nullopt}};
  m.cards = {plain_card("a.gguf")};
  CAF_CHECK(validate(m));
  auto is_bad = [&](auto change) {
    auto copy = m;
    change(copy);
    return !validate(copy) && !decode_manifest(encode_manifest(copy));
  };
  CAF_CHECK(is_bad([](auto& x) { x.cards[0].path = "b"; }));
  CAF_CHECK(is_bad([](auto& x) { x.cards.push_back(x.cards[0]); }));
  CAF_CHECK(is_bad([](auto& x) { x.cards[0].subtype = "Pony"; }));
  CAF_CHECK(is_bad([](auto& x) { x.cards[0].title.assign(5000, 'x'); }));
  CAF_CHECK(is_bad([](auto& x) { x.cards[0].tags.assign(1000, "x"); }));
  CAF_CHECK(is_bad([](auto& x) { x.cards[0].width = 1'000'000; }));
  CAF_CHECK(is_bad([](auto& x) { x.cards[0].preview_type = "image/png"; }));
  CAF_CHECK(is_bad([](auto& x) { x.cards[0].preview = sha256("x"); }));
}
