// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE origin.proxy_choice
#include "origin/proxy_choice.hpp"

#include <caf/test/unit_test.hpp>

#include <map>

using namespace shoal::origin;

namespace {

using variables = std::map<std::string, std::string>;

std::string choose(std::string_view url, const variables& all,
                   const std::string& setting = "environment") {
  auto look = [&all](const char* name) {
    auto found = all.find(name);
    return found == all.end() ? std::string{} : found->second;
  };
  return proxy_for(*origin_url::parse(url), setting, look);
}

} // namespace

CAF_TEST(a setting counts alone) {
  variables all{{"http_proxy", "http://env:1"}, {"no_proxy", "*"}};
  CAF_CHECK_EQUAL(choose("http://hub.example/", all, "http://set:2"), "http://set:2");
  CAF_CHECK_EQUAL(choose("http://hub.example/", all, ""), "");
}

CAF_TEST(the environment has one proxy for each scheme) {
  variables all{{"http_proxy", "plain"}, {"https_proxy", "secure"}, {"all_proxy", "any"}};
  CAF_CHECK_EQUAL(choose("http://hub.example/", all), "plain");
  CAF_CHECK_EQUAL(choose("https://hub.example/", all), "secure");
  CAF_CHECK_EQUAL(choose("https://hub.example/", {{"HTTPS_PROXY", "upper"}}), "upper");
  CAF_CHECK_EQUAL(choose("http://hub.example/", {{"HTTP_PROXY", "upper"}}), "");
  CAF_CHECK_EQUAL(choose("http://hub.example/", {{"ALL_PROXY", "any"}}), "any");
  CAF_CHECK_EQUAL(choose("http://hub.example/", {}), "");
}

CAF_TEST(hosts are spared by name and by network) {
  variables all{{"http_proxy", "p"}, {"no_proxy", "corp.example, .lab ,10.0.0.0/8,::1"}};
  for (auto* spared :
       {"http://corp.example/", "http://CORP.example:8080/", "http://hub.corp.example/",
        "http://a.lab/", "http://lab/", "http://10.1.2.3/", "http://[::1]:80/"})
    CAF_CHECK_EQUAL(choose(spared, all), "");
  for (auto* other : {"http://notcorp.example/", "http://corp.example.org/", "http://collab/",
                      "http://11.1.2.3/", "http://[::2]/", "http://example/"})
    CAF_CHECK_EQUAL(choose(other, all), "p");
  CAF_CHECK_EQUAL(choose("http://any.example/", {{"http_proxy", "p"}, {"NO_PROXY", "*"}}), "");
}
