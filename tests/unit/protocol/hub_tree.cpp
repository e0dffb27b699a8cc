// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.hub_tree
#include "protocol/hub_tree.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

const std::string blob(40, '1');
const std::string lfs(64, '2');

std::string file(std::string_view path, std::string_view more) {
  return R"({"type":"file","path":")" + std::string{path} + R"(","oid":")" + blob + "\","
         + std::string{more} + "}";
}

} // namespace

CAF_TEST(files are read and folders left out) {
  auto big = file("a/big.bin",
                  R"("size":132,"lfs":{"oid":")" + lfs + R"(","size":1048576},"xetHash":"x")");
  auto text = "[" + big + R"(,{"type":"directory","path":"a","oid":")" + blob + R"(","size":0},)"
              + file("b.txt", R"("size":186)") + "]";
  auto files = parse_hub_tree(text);
  CAF_REQUIRE(files);
  CAF_REQUIRE_EQUAL(files->size(), 2u);
  CAF_CHECK((files->at(0) == hub_file{"a/big.bin", 1048576, sha256_digest::from_hex(lfs), {}}));
  CAF_CHECK((files->at(1) == hub_file{"b.txt", 186, {}, sha1_digest::from_hex(blob)}));
  CAF_CHECK(parse_hub_tree("[]")->empty());
}

CAF_TEST(a listing that is none is refused whole) {
  for (auto& odd : {std::string{}, std::string{"{}"}, std::string{"[1]"}, std::string{"[{}]"},
                    "[" + file("../x", R"("size":1)") + "]", "[" + file("/x", R"("size":1)") + "]",
                    "[" + file("x", R"("size":-1)") + "]", "[" + file("x", R"("size":"1")") + "]",
                    "[" + file("x", R"("size":1,"lfs":{"oid":"2","size":1})") + "]",
                    "[" + file("x", R"("size":1)"), std::string(1000, '[')})
    CAF_CHECK(!parse_hub_tree(odd));
}

CAF_TEST(a revision has a commit) {
  auto plain = parse_hub_revision(R"({"sha":")" + blob + R"("})");
  CAF_REQUIRE(plain);
  CAF_CHECK_EQUAL(plain->commit, blob);
  CAF_CHECK(plain->card.is_empty());
  for (auto* odd : {"", "[]", "{}", R"({"sha":"main"})", R"({"sha":1})"})
    CAF_CHECK(!parse_hub_revision(odd));
}

CAF_TEST(a revision says what it is for) {
  auto found = parse_hub_revision(R"({"sha":")" + blob
                                  + R"(","pipeline_tag":"fill-mask","library_name":"transformers",
      "tags":["pytorch","en"],"config":{"architectures":["BertForMaskedLM"],"model_type":"bert",
      "tokenizer_config":{"unk_token":"[UNK]"}},"siblings":[{"rfilename":"a"}],
      "cardData":{"license":"mit","language":"en"}})");
  CAF_REQUIRE(found);
  auto& card = found->card;
  CAF_CHECK_EQUAL(card.pipeline_tag, "fill-mask");
  CAF_CHECK_EQUAL(card.library_name, "transformers");
  CAF_CHECK((card.tags == std::vector<std::string>{"pytorch", "en"}));
  CAF_CHECK_EQUAL(card.data, R"({"language":"en","license":"mit"})");
  CAF_CHECK_EQUAL(card.config, R"({"architectures":["BertForMaskedLM"],"model_type":"bert"})");
}

CAF_TEST(results of evaluations are no reason to know nothing) {
  std::string deep = R"([{"results":[{"metrics":[{"args":{"a":{"b":[[[[[[[[[[1]]]]]]]]]]}}}]}]}])";
  auto found = parse_hub_revision(R"({"sha":")" + blob + R"(","cardData":{"license":"mit",)"
                                  + R"("model-index":)" + deep + "}}");
  CAF_REQUIRE(found);
  CAF_CHECK(found->card.data.find(R"("license":"mit")") != std::string::npos);
  auto bottomless = std::string(100'000, '[') + std::string(100'000, ']');
  CAF_CHECK(!parse_hub_revision(R"({"x":)" + bottomless + R"(,"sha":")" + blob + R"("})"));
}

CAF_TEST(the next page is found among links) {
  CAF_CHECK_EQUAL(next_of_link(R"(<https://x/a?c=1>; rel="next")"), "https://x/a?c=1");
  CAF_CHECK_EQUAL(next_of_link(R"(<https://x/p>; rel="prev", <https://x/n>; rel="next")"),
                  "https://x/n");
  for (auto* odd : {"", "https://x", "<https://x>", R"(rel="next")", "<", R"(<a>; rel="last")"})
    CAF_CHECK(next_of_link(odd).empty());
}
