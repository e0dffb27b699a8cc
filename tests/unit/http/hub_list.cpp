// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.hub_list

#include "http/dialects/hub_list.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

result<models_ask> read(std::string_view query) {
  return read_models_ask(*query_params::parse(query), "model");
}

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
