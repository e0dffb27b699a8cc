// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.place_cache

#include "actors/place_cache.hpp"

#include <caf/test/dsl.hpp>

using namespace shoal;
using namespace std::chrono_literals;

namespace {

sha256_digest object(uint8_t n) {
  sha256_digest made;
  made.bytes.fill(n);
  return made;
}

std::vector<object_place> at(const std::string& node) {
  return {object_place{1, "127.0.0.1:1", "", node}};
}

constexpr mono_time start{1h};

} // namespace

CAF_TEST(a place is known until its time is over) {
  place_cache cache{10s, 8};
  cache.put(object(1), at("a"), start);
  CAF_CHECK(!cache.find(object(2), start));
  auto* known = cache.find(object(1), start + 9s);
  CAF_REQUIRE(known);
  CAF_CHECK_EQUAL(known->front().node, "a");
  CAF_CHECK(!cache.find(object(1), start + 10s));
}

CAF_TEST(later places take the place of earlier ones) {
  place_cache cache{10s, 8};
  cache.put(object(1), at("a"), start);
  cache.put(object(1), at("b"), start + 5s);
  CAF_CHECK_EQUAL(cache.objects(), 1u);
  auto* known = cache.find(object(1), start + 14s);
  CAF_REQUIRE(known);
  CAF_CHECK_EQUAL(known->front().node, "b");
  cache.forget(object(1));
  CAF_CHECK(!cache.find(object(1), start + 5s));
}

CAF_TEST(the oldest of too many is forgotten) {
  place_cache cache{10s, 3};
  for (uint8_t n = 1; n <= 3; ++n)
    cache.put(object(n), at("a"), start);
  cache.put(object(1), at("b"), start);
  cache.put(object(4), at("a"), start);
  CAF_CHECK_EQUAL(cache.objects(), 3u);
  CAF_CHECK(!cache.find(object(2), start));
  CAF_CHECK(cache.find(object(1), start));
  CAF_CHECK(cache.find(object(4), start));
}
