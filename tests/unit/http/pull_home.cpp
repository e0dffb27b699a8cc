// SPDX-License-Identifier: Apache-2.0
// How one node asks another one for a file of an origin.
#define CAF_SUITE http.pull_home

#include "http/dialects/pull_home.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

origin_name some_name() {
  return {"dataset", "org/a", "refs/pr/1", "deep/odd & +ü.txt"};
}

std::string_view query_of(std::string_view target) {
  return target.substr(target.find('?') + 1);
}

result<asked_pull> read_back(const origin_name& name, const origin_record& what) {
  auto target = pull_target(name, what);
  return read_pull_target(query_of(target));
}

} // namespace

CAF_TEST(what is known of a file arrives) {
  origin_record hub;
  hub.size_bytes = 12;
  hub.etag = "a\"b c";
  hub.commit = std::string(40, 'c');
  hub.sha256 = sha256("x");
  hub.git_blob = sha1("x");
  origin_record plain;
  plain.size_bytes = 1;
  for (auto& what : {hub, plain}) {
    auto got = read_back(some_name(), what);
    CAF_REQUIRE(got);
    CAF_CHECK(got->name == some_name());
    CAF_CHECK(got->what == what);
  }
}

CAF_TEST(what names no file is refused) {
  origin_record good;
  good.size_bytes = 5;
  CAF_REQUIRE(read_back(some_name(), good));
  auto with = [&](auto change) {
    auto name = some_name();
    auto what = good;
    change(name, what);
    return read_back(name, what).has_value();
  };
  CAF_CHECK(!with([](auto&, auto& what) { what.size_bytes = 0; }));
  CAF_CHECK(!with([](auto&, auto& what) { what.size_bytes = UINT64_MAX; }));
  CAF_CHECK(!with([](auto&, auto& what) { what.commit = "main"; }));
  CAF_CHECK(!with([](auto& name, auto&) { name.kind = "other"; }));
  CAF_CHECK(!with([](auto& name, auto&) { name.id = "../x"; }));
  CAF_CHECK(!with([](auto& name, auto&) { name.path = "../x"; }));
  CAF_CHECK(!with([](auto& name, auto&) { name.path = ""; }));
  CAF_CHECK(!with([](auto& name, auto&) { name.rev = ""; }));
  auto target = pull_target(some_name(), good);
  auto query = std::string{query_of(target)};
  for (auto* more : {"&sha256=12", "&git=xyz", "&sha256="})
    CAF_CHECK(!read_pull_target(query + more));
  for (auto* odd : {"", "kind=model", "size=5x", "%"})
    CAF_CHECK(!read_pull_target(odd));
}
