// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.manifest_cache

#include "http/manifest_cache.hpp"

#include "protocol/digest.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

manifest_cache::item with_files(size_t count) {
  auto made = std::make_shared<manifest>();
  made->files.resize(count);
  return made;
}

const auto a = sha256("a"), b = sha256("b"), c = sha256("c");

} // namespace

CAF_TEST(what was put is found) {
  manifest_cache cache{10};
  auto made = with_files(3);
  CAF_CHECK(!cache.find(a));
  cache.put(a, made);
  CAF_CHECK(cache.find(a) == made);
  CAF_CHECK_EQUAL(cache.files(), 3u);
}

CAF_TEST(the one that was not asked for the longest time goes) {
  manifest_cache cache{10};
  cache.put(a, with_files(4));
  cache.put(b, with_files(4));
  cache.find(a);
  cache.put(c, with_files(4));
  CAF_CHECK(cache.find(a));
  CAF_CHECK(!cache.find(b));
  CAF_CHECK(cache.find(c));
  CAF_CHECK_EQUAL(cache.files(), 8u);
}

CAF_TEST(one that is larger than the cache is not kept and drives nobody out) {
  manifest_cache cache{10};
  cache.put(a, with_files(10));
  cache.put(b, with_files(11));
  CAF_CHECK(cache.find(a));
  CAF_CHECK(!cache.find(b));
}

CAF_TEST(the same one twice counts once) {
  manifest_cache cache{10};
  cache.put(a, with_files(6));
  cache.put(a, with_files(6));
  CAF_CHECK_EQUAL(cache.files(), 6u);
  CAF_CHECK(cache.find(a));
}

CAF_TEST(a hint is replaced by a better one) {
  digest_cache<int> hints{2};
  hints.put(a, std::make_shared<const int>(1));
  hints.put(b, std::make_shared<const int>(2));
  hints.put(a, std::make_shared<const int>(3));
  CAF_CHECK_EQUAL(hints.weight(), 2u);
  CAF_CHECK_EQUAL(*hints.find(a), 3);
  CAF_CHECK_EQUAL(*hints.find(b), 2);
}
