// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.front_matter
#include "protocol/front_matter.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

std::string read(std::string_view yaml) {
  auto made = front_matter_json(yaml);
  return made ? *made : "error: " + std::string{to_string(made.error())};
}

} // namespace

CAF_TEST(front matter stands between two lines at the beginning) {
  CAF_CHECK_EQUAL(find_front_matter("---\na: 1\n---\n# Title\n").value_or("?"), "a: 1\n");
  CAF_CHECK_EQUAL(find_front_matter("\xEF\xBB\xBF---\r\na: 1\r\n--- \r\nrest").value_or("?"),
                  "a: 1\r\n");
  CAF_CHECK_EQUAL(find_front_matter("---\n---").value_or("?"), "");
  for (auto* none : {"", "---", "---\na: 1\n", "# Title\n---\na: 1\n---\n", "----\na: 1\n----\n",
                     "\n---\na: 1\n---\n", "---\n----\n"})
    CAF_CHECK(!find_front_matter(none));
}

CAF_TEST(a card is read as people write it) {
  CAF_CHECK_EQUAL(read("license: apache-2.0\n"
                       "language:\n- en\n- no\n"
                       "tags: [llama, \"a: b\"]   # these\n"
                       "pipeline_tag: text-generation\n"
                       "widget:\n- text: |\n    two\n    lines\n"
                       "base_model: org/model\n"),
                  R"({"base_model":"org/model","language":["en","no"],"license":"apache-2.0",)"
                  R"("pipeline_tag":"text-generation","tags":["llama","a: b"],)"
                  R"("widget":[{"text":"two\nlines\n"}]})");
}

CAF_TEST(plain words are values and quoted ones are texts) {
  CAF_CHECK_EQUAL(read("a: [1, -2, +3, 0x1F, 0o17, 1.5, -1e3, .5]"),
                  R"({"a":[1,-2,3,31,15,1.5,-1000.0,0.5]})");
  CAF_CHECK_EQUAL(read("a: [true, False, null, ~, ]\nb:\n"),
                  R"({"a":[true,false,null,null],"b":null})");
  CAF_CHECK_EQUAL(read("a: ['1', \"true\", no, yes, 1.2.3, 2026-01-02, .inf, 0x, -, e, 1_000]"),
                  R"({"a":["1","true","no","yes","1.2.3","2026-01-02",".inf","0x","-","e",)"
                  R"("1_000"]})");
  CAF_CHECK_EQUAL(read("a: 99999999999999999999"), R"({"a":1e+20})");
  CAF_CHECK_EQUAL(read("1: x\na: 1\na: 2"), R"({"1":"x","a":2})");
}

CAF_TEST(what is no mapping or more than a card is refused) {
  for (auto* odd : {"", "- a", "a", "a: [", "a: b: c", "\ta: 1", "a: \xFF", "a: &x 1\nb: *x",
                    "? [a]\n: 1", "[a]: 1", "a: \x01"})
    CAF_CHECK(!front_matter_json(odd));
  std::string deep
      = "a: " + std::string(front_matter_depth_max, '[') + std::string(front_matter_depth_max, ']');
  CAF_CHECK(!front_matter_json(deep));
  CAF_CHECK(!front_matter_json("a: " + std::string(30'000, '[')));
  std::string many = "a: [";
  for (size_t i = 0; i <= front_matter_values_max; ++i)
    many += "1,";
  CAF_CHECK(!front_matter_json(many + "]"));
  CAF_CHECK(!front_matter_json("a: " + std::string(front_matter_bytes_max, 'x')));
}
