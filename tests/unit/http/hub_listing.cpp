// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.hub_listing

#include "http/dialects/hub_listing.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

result<models_ask> read(std::string_view query) {
  return read_models_ask(*query_params::parse(query), "model");
}

manifest sample() {
  manifest m;
  for (auto path : {"regression/ref-lfs.bin", "regression/ref-regular.txt", "z/y/x", "zz"})
    m.files.push_back({path, 1, sha256(path), std::nullopt});
  return m;
}

std::string listed(const manifest& m, std::string_view folder, const tree_ask& ask) {
  auto trees = take_snapshot(m);
  auto page = list_tree(m, trees, folder, ask);
  if (!page)
    return "none";
  std::string all;
  for (auto i : page->entries)
    all.append(git_snapshot::key(m, trees.entries[i])) += ' ';
  return all + (page->next.empty() ? "" : "then " + page->next);
}

tree_ask whole(bool recursive, uint32_t limit = 100, std::string cursor = {}) {
  return {recursive, false, limit, std::move(cursor)};
}

result<paths_ask> paths(std::string_view type, std::string_view body) {
  return read_paths_ask(type, body);
}

constexpr std::string_view form = "application/x-www-form-urlencoded";

} // namespace

CAF_TEST(a list has all that there is by default) {
  auto ask = read("");
  CAF_REQUIRE(ask);
  CAF_CHECK_EQUAL(ask->page.kind, "model");
  CAF_CHECK_EQUAL(ask->page.limit, limits::hub_models_page_max);
  CAF_CHECK(ask->page.order == model_order::latest);
  CAF_CHECK(!ask->with_commit && !ask->with_files && !ask->by_downloads);
}

CAF_TEST(a list is asked for as clients do it) {
  auto ask = read("limit=5&author=org&search=bert&filter=a&filter=b&pipeline_tag=c&sort=id&full=1");
  CAF_REQUIRE(ask);
  CAF_CHECK_EQUAL(ask->page.limit, 5u);
  CAF_CHECK_EQUAL(ask->page.author, "org");
  CAF_CHECK_EQUAL(ask->page.search, "bert");
  CAF_CHECK(ask->tags == (std::vector<std::string>{"a", "b", "c"}));
  CAF_CHECK(ask->page.order == model_order::by_id);
  CAF_CHECK(ask->with_commit && ask->with_files);
}

CAF_TEST(details make pages shorter) {
  CAF_CHECK(read("full=true&limit=1000")->page.limit == limits::hub_details_page_max);
  CAF_CHECK(read("expand=sha&limit=1000")->page.limit == limits::hub_details_page_max);
  CAF_CHECK(read("expand=likes&limit=1000")->page.limit == limits::hub_models_page_max);
}

CAF_TEST(orders have names and directions) {
  CAF_CHECK(read("sort=lastModified&direction=1")->page.order == model_order::oldest);
  CAF_CHECK(read("sort=mainSize")->page.order == model_order::largest);
  CAF_CHECK(read("sort=id&direction=-1")->page.order == model_order::by_id_backwards);
  CAF_CHECK(read("sort=likes")->page.order == model_order::latest);
  CAF_CHECK(read("sort=downloads")->by_downloads);
}

CAF_TEST(a cursor comes back as it went out) {
  revision last;
  last.id = "org/name";
  last.created_at = 77;
  auto cursor = cursor_behind(model_order::latest, last);
  auto query = next_query("limit=5&cursor=old&filter=a%26b&full", cursor);
  CAF_CHECK_EQUAL(query, "limit=5&filter=a%26b&full&cursor=77%3Aorg%2Fname");
  auto ask = read(query);
  CAF_REQUIRE(ask);
  CAF_CHECK_EQUAL(ask->page.after_value, 77);
  CAF_CHECK_EQUAL(ask->page.after_id, "org/name");
  CAF_CHECK(ask->tags == std::vector<std::string>{"a&b"});
}

CAF_TEST(what makes no sense is refused) {
  for (auto query : {"limit=0", "limit=x", "limit=-1", "cursor=", "cursor=x",
                     "cursor=5:", "cursor=5", "cursor=:a", "cursor=99999999999999999999:a"})
    CAF_CHECK(!read(query));
}

CAF_TEST(all wanted tags must be there) {
  CAF_CHECK(has_tags({"a", "b"}, {}));
  CAF_CHECK(has_tags({"a", "b"}, {"b", "a"}));
  CAF_CHECK(!has_tags({"a"}, {"a", "b"}));
}

CAF_TEST(a tree is listed in pages) {
  auto m = sample();
  constexpr std::string_view all = "regression/ regression/ref-lfs.bin regression/ref-regular.txt "
                                   "z/ z/y/ z/y/x zz ";
  CAF_CHECK_EQUAL(listed(m, "", whole(true)), all);
  CAF_CHECK_EQUAL(listed(m, "", whole(false)), "regression/ z/ zz ");
  CAF_CHECK_EQUAL(listed(m, "", whole(false, 1)), "regression/ then z/");
  CAF_CHECK_EQUAL(listed(m, "", whole(false, 1, "z/")), "z/ then zz");
  CAF_CHECK_EQUAL(listed(m, "", whole(true, 2, "z/y/")), "z/y/ z/y/x then zz");
  CAF_CHECK_EQUAL(listed(m, "z", whole(true)), "z/y/ z/y/x ");
  CAF_CHECK_EQUAL(listed(m, "z", whole(false)), "z/y/ ");
  CAF_CHECK_EQUAL(listed(m, "z", whole(false, 9, "regression/")), "z/y/ ");
  CAF_CHECK_EQUAL(listed(m, "z", whole(false, 9, "zz")), "");
  CAF_CHECK_EQUAL(listed(m, "zz", whole(true)), "none");
  CAF_CHECK_EQUAL(listed(m, "no", whole(true)), "none");
}

CAF_TEST(paths come as a form or as JSON) {
  auto ask = paths(form, "paths=a%2Fb&paths=c+d&expand=True");
  CAF_REQUIRE(ask);
  CAF_CHECK(ask->paths == (std::vector<std::string>{"a/b", "c d"}));
  CAF_CHECK(ask->expand);
  ask = paths("application/json; charset=utf-8", "{\"paths\":[\"a/b\"],\"expand\":false}");
  CAF_REQUIRE(ask);
  CAF_CHECK(ask->paths == std::vector<std::string>{"a/b"});
  CAF_CHECK(!ask->expand);
  CAF_CHECK(paths("", "{\"paths\":\"one\"}")->paths == std::vector<std::string>{"one"});
  CAF_CHECK(paths(form, "")->paths.empty());
}

CAF_TEST(what names no paths is refused) {
  for (auto body : {"", "[]", "{}", "{\"paths\":1}", "{\"paths\":[1]}", "null"})
    CAF_CHECK(!paths("application/json", body));
  CAF_CHECK(!paths(form, "paths=%"));
  std::string many;
  for (size_t i = 0; i <= limits::hub_tree_page_max; ++i)
    many += "paths=a&";
  CAF_CHECK(!paths(form, many));
}
