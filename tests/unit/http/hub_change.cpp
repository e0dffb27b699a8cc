// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.hub_change

#include "http/dialects/hub_change.hpp"

#include "core/base64.hpp"
#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

const std::string oid(64, 'a');

template <class T>
T read_as(std::string_view line) {
  auto made = read_change_line(line);
  CAF_REQUIRE(made);
  CAF_REQUIRE(std::holds_alternative<T>(*made));
  return std::get<T>(*made);
}

ec refusal(std::string_view line) {
  auto made = read_change_line(line);
  CAF_REQUIRE(!made);
  return made.error().code;
}

manifest_file file(std::string path) {
  return {std::move(path), 1, sha256("x"), std::nullopt};
}

std::string paths(const hub_draft& draft) {
  std::string all;
  for (auto& x : draft.files())
    all += x.path + ' ';
  return all;
}

} // namespace

CAF_TEST(a commit begins with what it is called) {
  auto head = read_as<hub_commit_head>(
      R"({"key":"header","value":{"summary":"S","description":"D","parentCommit":"P"}})");
  CAF_CHECK_EQUAL(head.summary + head.description + head.parent, "SDP");
  head = read_as<hub_commit_head>(R"({"key":"header","value":{"summary":"S","description":null}})");
  CAF_CHECK_EQUAL(head.parent, "");
}

CAF_TEST(texts come in base64 or as they are) {
  auto text = read_as<hub_text>(
      R"({"key":"file","value":{"content":"aGkK","path":"a/b","encoding":"base64"}})");
  CAF_CHECK_EQUAL(text.path + '|' + text.content, "a/b|hi\n");
  // Whatever stands first.
  text = read_as<hub_text>(R"({"value":{"path":"a","content":"aGkK"},"key":"file"})");
  CAF_CHECK_EQUAL(text.content, "aGkK");
  text
      = read_as<hub_text>(R"({"key":"file","value":{"path":"a","content":"","encoding":"utf-8"}})");
  CAF_CHECK_EQUAL(text.content, "");
}

CAF_TEST(big files are named by their hash) {
  auto line = R"({"key":"lfsFile","value":{"path":"w","algo":"sha256","size":7,"oid":")" + oid;
  auto made = read_as<hub_pointer>(line + "\"}}");
  CAF_CHECK_EQUAL(made.path, "w");
  CAF_CHECK_EQUAL(made.object.hex(), oid);
  CAF_CHECK_EQUAL(made.size_bytes.value_or(0), 7u);
}

CAF_TEST(files and folders are removed) {
  auto one = read_as<hub_removal>(R"({"key":"deletedFile","value":{"path":"a"}})");
  CAF_CHECK(!one.of_folder);
  auto all = read_as<hub_removal>(R"({"key":"deletedFolder","value":{"path":"a/b/"}})");
  CAF_CHECK(all.of_folder);
  CAF_CHECK_EQUAL(all.path, "a/b");
}

CAF_TEST(what is no line of a commit is refused) {
  for (auto line : {"", "x", "[]", "{", "7", R"({"key":7,"value":{}})",
                    R"({"key":"file","value":{"path":7,"content":""}})",
                    R"({"key":"file","value":{"path":"a","content":"!","encoding":"base64"}})",
                    R"({"key":"lfsFile","value":{"path":"a","oid":"xyz"}})",
                    R"({"key":"lfsFile","value":{"path":"a","oid":"xyz","size":-1}})"})
    CAF_CHECK_EQUAL(refusal(line), ec::invalid_argument);
  for (auto line : {R"({"key":"file","value":{}})", R"({"key":"file","value":[]})",
                    R"({"key":"deletedFile","value":{"path":""}})"})
    CAF_CHECK_EQUAL(refusal(line), ec::missing_argument);
  for (auto line : {R"({"key":"copyFile","value":{}})", R"({"key":"","value":{}})", "{}",
                    R"({"key":"file","value":{"path":"a","content":"","encoding":"gzip"}})",
                    R"({"key":"lfsFile","value":{"path":"a","algo":"md5","oid":"x"}})"})
    CAF_CHECK_EQUAL(refusal(line), ec::unsupported);
}

CAF_TEST(a text has a bound) {
  std::string content;
  base64_append(content, std::string(limits::git_blob_bytes_max, 'x'));
  auto line = [](const std::string& text) {
    return R"({"key":"file","value":{"path":"a","encoding":"base64","content":")" + text + "\"}}";
  };
  CAF_CHECK_EQUAL(read_as<hub_text>(line(content)).content.size(), limits::git_blob_bytes_max);
  CAF_CHECK_LESS(line(content).size(), limits::hub_commit_line_bytes_max);
  CAF_CHECK_EQUAL(refusal(line("eHh4" + content)), ec::too_large);
}

CAF_TEST(a draft begins with what there is) {
  manifest parent;
  parent.files = {file("a"), file("b/c"), file("b/d/e"), file("b.txt"), file("bc")};
  hub_draft draft{parent};
  CAF_CHECK_EQUAL(draft.size(), 5u);
  CAF_CHECK(draft.put(file("b/x")));
  CAF_CHECK(draft.put(file("a"))); // Again.
  CAF_CHECK(draft.remove({"b.txt", false}));
  CAF_CHECK_EQUAL(paths(draft), "a b/c b/d/e b/x bc ");
  CAF_CHECK(draft.remove({"b", true}));
  CAF_CHECK_EQUAL(paths(draft), "a bc ");
  for (auto& nothing : {hub_removal{"b", true}, hub_removal{"b/c", false}}) {
    auto removed = draft.remove(nothing);
    CAF_REQUIRE(!removed);
    CAF_CHECK_EQUAL(removed.error().code, ec::not_found);
  }
}
