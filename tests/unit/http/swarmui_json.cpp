// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.swarmui_json

#include "http/dialects/swarmui_json.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

CAF_TEST(a request without anything asks for the usual) {
  auto ask = read_manifest_ask("{}");
  CAF_REQUIRE(ask);
  CAF_CHECK_EQUAL(ask->subtype, "Stable-Diffusion");
  CAF_CHECK(!ask->with_images && !ask->with_chunks);
  CAF_CHECK_EQUAL(ask->models_max, limits::shelf_models_max);
}

CAF_TEST(booleans may be texts and null is as good as absent) {
  auto ask = read_manifest_ask(
      R"({"includeImages":"true","includeChunks":true,"subtype":null,"limit":3,"x":[]})");
  CAF_REQUIRE(ask);
  CAF_CHECK(ask->with_images && ask->with_chunks);
  CAF_CHECK_EQUAL(ask->models_max, 3u);
  const auto many = read_manifest_ask(R"({"limit":99999999999})");
  CAF_REQUIRE(many);
  CAF_CHECK_EQUAL(many->models_max, limits::shelf_models_max);
}

CAF_TEST(bad requests name the field) {
  for (auto bad : {R"({"subtype":5})", R"({"includeImages":"yes"})", R"({"limit":0})",
                   R"({"limit":-1})", R"({"session_id":{}})", "[]", "", "x"})
    CAF_CHECK(!read_manifest_ask(bad));
  const auto odd = read_manifest_ask(R"({"after":5})");
  CAF_REQUIRE(!odd);
  CAF_CHECK_EQUAL(odd.error().detail, "after is a short text");
}

CAF_TEST(what is accepted has a name) {
  const auto ask = read_accept_ask(R"({"model":"org/m"})");
  CAF_REQUIRE(ask);
  CAF_CHECK_EQUAL(ask->model, "org/m");
  CAF_CHECK(read_accept_ask("{}").error().code == ec::missing_argument);
}

CAF_TEST(paths of downloads are escaped) {
  auto m = std::make_shared<manifest>();
  m->files = {{"a/b c#.safetensors", 5, sha256("x"), std::nullopt}};
  shelf_item item{{}, m, &m->files.front(), plain_card("a/b c#.safetensors")};
  item.what.id = "org/m";
  CAF_CHECK_EQUAL(download_path(item),
                  "/DownloadModel/Stable-Diffusion/" + sha256("x").hex() + "/b%20c%23.safetensors");
  CAF_CHECK_EQUAL(shelf_name(item), "org/m/a/b c#");
}

CAF_TEST(times are those of Greenwich) {
  CAF_CHECK_EQUAL(utc_text(1'760'411'713), "2025-10-14T03:15:13Z");
}
