// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.hub_path

#include "http/dialects/hub_path.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

std::string readings(std::string_view path) {
  std::string all;
  for (auto& x : hub_readings(path, {"tree", "refs", "revision"}))
    all += '[' + x.id + '|' + x.verb + '|' + x.rest + ']';
  return all;
}

std::string refs(std::string_view rest) {
  std::string all;
  for (auto& x : ref_readings(rest))
    all += '[' + x.name + '|' + x.path + ']';
  return all;
}

query_params params(std::string_view raw) {
  return *query_params::parse(raw);
}

} // namespace

CAF_TEST(ids have one part or two) {
  CAF_CHECK_EQUAL(readings("ns/name"), "[ns/name||]");
  CAF_CHECK_EQUAL(readings("gpt2"), "[gpt2||]");
  CAF_CHECK_EQUAL(readings("ns/name/tree/main/a/b"), "[ns/name|tree|main/a/b]");
  CAF_CHECK_EQUAL(readings("gpt2/tree/main/a"), "[gpt2|tree|main/a]");
  CAF_CHECK_EQUAL(readings("gpt2/refs"), "[gpt2/refs||][gpt2|refs|]");
  CAF_CHECK_EQUAL(readings("a/tree/tree/main"), "[a/tree|tree|main][a|tree|tree/main]");
}

CAF_TEST(what has no id or no verb has no reading) {
  for (auto path : {"", "/", "ns/name/other", ".x", "a//b", "a/b/c/tree"})
    CAF_CHECK_EQUAL(readings(path), "");
}

CAF_TEST(a ref may have three segments) {
  CAF_CHECK_EQUAL(refs("main"), "[main|]");
  CAF_CHECK_EQUAL(refs("main/a/b.txt"), "[main|a/b.txt]");
  CAF_CHECK_EQUAL(refs("refs/pr/1/a/b"), "[refs/pr/1|a/b][refs|pr/1/a/b]");
  CAF_CHECK_EQUAL(refs("refs/pr/1"), "[refs/pr/1|][refs|pr/1]");
  CAF_CHECK_EQUAL(refs("refs/a"), "[refs|a]");
  CAF_CHECK_EQUAL(refs("main/a/"), "[main|a]");
  CAF_CHECK_EQUAL(refs(""), "");
  CAF_CHECK_EQUAL(refs("/"), "");
}

CAF_TEST(refs have the names of the catalog) {
  CAF_CHECK_EQUAL(catalog_name("HEAD"), "main");
  CAF_CHECK_EQUAL(catalog_name("refs/heads/main"), "main");
  CAF_CHECK_EQUAL(catalog_name("refs/tags/v1"), "v1");
  CAF_CHECK_EQUAL(catalog_name("refs/pr/1"), "refs/pr/1");
  CAF_CHECK_EQUAL(catalog_name("v1"), "v1");
}

CAF_TEST(parameters are read in all the ways that clients write them) {
  for (auto yes : {"x=true", "x=True", "x=1"})
    CAF_CHECK(is_set(params(yes), "x"));
  for (auto no : {"x=false", "x=0", "x=", "x", "y=1", ""})
    CAF_CHECK(!is_set(params(no), "x"));
  auto fields = expanded_fields(params("expand=a&expand[]=b&expand%5B%5D=c&expand=d"));
  CAF_CHECK(fields == (std::vector<std::string>{"a", "d", "b", "c"}));
}
