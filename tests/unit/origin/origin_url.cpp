// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE origin.origin_url
#include "origin/origin_url.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using origin::origin_url;

CAF_TEST(a url is taken apart) {
  auto url = origin_url::parse("HTTPS://Hub.Example/a%20b/c?d=1#e");
  CAF_REQUIRE(url);
  CAF_CHECK_EQUAL(url->scheme, "https");
  CAF_CHECK_EQUAL(url->host, "hub.example");
  CAF_CHECK_EQUAL(url->authority, "https://hub.example:443");
  CAF_CHECK_EQUAL(url->text.find('#'), std::string::npos);
  auto v6 = origin_url::parse("http://[2001:DB8::1]:8080/x");
  CAF_REQUIRE(v6);
  CAF_CHECK_EQUAL(v6->authority, "http://[2001:db8::1]:8080");
  CAF_CHECK_EQUAL(v6->host, "2001:db8::1");
}

CAF_TEST(numbers that are addresses are written as such) {
  for (auto* spelled :
       {"http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/"}) {
    auto url = origin_url::parse(spelled);
    CAF_REQUIRE(url);
    CAF_CHECK_EQUAL(url->host, "127.0.0.1");
  }
}

CAF_TEST(other urls are refused) {
  for (auto* odd : {"", "hub.example/a", "ftp://x/", "file:///etc/passwd", "http://", "http://a b/",
                    "http://user:word@x/", "http://user@x/", "gopher://x/", "http://x:99999/"})
    CAF_CHECK(!origin_url::parse(odd));
  CAF_CHECK(!origin_url::parse("http://x/" + std::string(9000, 'a')));
}

CAF_TEST(redirects are resolved and checked) {
  auto base = *origin_url::parse("https://hub.example/org/model/resolve/main/x");
  auto follow = [&](std::string_view to) {
    auto next = base.follow(to);
    return next ? next->text : std::string{"none"};
  };
  CAF_CHECK_EQUAL(follow("/cdn/y"), "https://hub.example/cdn/y");
  CAF_CHECK_EQUAL(follow("https://cdn.example/y?sig=%2B"), "https://cdn.example/y?sig=%2B");
  CAF_CHECK_EQUAL(follow("//cdn.example/y"), "https://cdn.example/y");
  CAF_CHECK_EQUAL(follow("http://hub.example/y"), "http://hub.example/y");
  CAF_CHECK_EQUAL(follow("file:///etc/passwd"), "none");
  CAF_CHECK_EQUAL(follow("ftp://x/"), "none");
  CAF_CHECK_EQUAL(follow(""), "none");
  CAF_CHECK_EQUAL(follow("http://u:p@x/"), "none");
}
