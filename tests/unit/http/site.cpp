// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.site

#include "http/site/site.hpp"

#include "http/router.hpp"

#include <caf/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace shoal;
using namespace shoal::http;

namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// "/webseed/{*path}" is "/webseed/{path}" in OpenAPI.
std::string without_stars(std::string_view path) {
  std::string out{path};
  std::erase(out, '*');
  return out;
}

size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++n;
  return n;
}

} // namespace

CAF_TEST(the openapi document describes the routes and no others) {
  auto doc = nlohmann::json::parse(site::openapi_document(), nullptr, false);
  CAF_REQUIRE(doc.is_object());
  std::set<std::string> described;
  for (auto& [path, item] : doc["paths"].items())
    for (auto& [verb, operation] : item.items())
      if (verb != "parameters")
        described.insert(verb + " " + path);
  std::set<std::string> routes;
  for (auto& r : all_routes())
    routes.insert(lower(name(r.verb)) + " " + without_stars(r.path));
  CAF_CHECK(described == routes);
}

CAF_TEST(a policy names scripts and styles by their hash) {
  // echo -n 'alert(1)' | openssl dgst -sha256 -binary | base64
  auto policy = site::content_security_policy("<style>a{}</style><script>alert(1)</script>");
  CAF_CHECK_NOT_EQUAL(
      policy.find("script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"),
      std::string::npos);
  CAF_CHECK_EQUAL(count(policy, "'sha256-"), 2u);
  CAF_CHECK_EQUAL(count(policy, "unsafe"), 0u);
  CAF_CHECK_NOT_EQUAL(site::content_security_policy("").find("script-src 'none'"),
                      std::string::npos);
}

CAF_TEST(the dashboard needs nothing from elsewhere) {
  auto html = site::dashboard();
  CAF_CHECK_EQUAL(count(html, "<script>"), 1u);
  CAF_CHECK_EQUAL(count(html, "<style>"), 1u);
  // What the policy would not allow.
  for (auto part : {"<script src", "<link rel=\"stylesheet\"", " style=\"", " onclick=", "@import"})
    CAF_CHECK_EQUAL(count(html, part), 0u);
}
