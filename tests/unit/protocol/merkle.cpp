// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.merkle

#include "protocol/merkle.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

sha256_digest node(const sha256_digest& left, const sha256_digest& right) {
  return sha256(std::string(left.chars()) + std::string(right.chars()));
}

} // namespace

CAF_TEST(hashes are those of the standards) {
  CAF_CHECK_EQUAL(sha1(std::string_view("abc")).hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
  CAF_CHECK_EQUAL(sha256(std::string_view("abc")).hex(),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

CAF_TEST(a hasher starts anew after it has finished) {
  sha256_hasher hasher;
  hasher.update(as_bytes("other"));
  hasher.finish();
  hasher.update(as_bytes("a"));
  hasher.update(as_bytes("bc"));
  CAF_CHECK(hasher.finish() == sha256(std::string_view("abc")));
}

CAF_TEST(one block is its own root) {
  CAF_CHECK(merkle::block_root(as_bytes("abc"), 1) == sha256(std::string_view("abc")));
}

CAF_TEST(absent blocks are zero hashes and not hashes of zeros) {
  const std::string first(16384, 'a');
  const std::string second = "b";
  const auto left = node(sha256(first), sha256(second));
  CAF_CHECK(merkle::block_root(as_bytes(first + second), 2) == left);
  CAF_CHECK(merkle::block_root(as_bytes(first + second), 4) == node(left, node({}, {})));
  CAF_CHECK(merkle::pad_root(1) == sha256_digest{});
  CAF_CHECK(merkle::pad_root(4) == node(node({}, {}), node({}, {})));
}

CAF_TEST(the root above a piece layer is that of all blocks) {
  std::string bytes;
  for (char c = 'a'; c < 'f'; ++c)
    bytes += std::string(16384, c);
  std::vector<sha256_digest> layer;
  for (size_t at = 0; at < bytes.size(); at += 32768)
    layer.push_back(merkle::block_root(as_bytes(std::string_view(bytes).substr(at, 32768)), 2));
  CAF_CHECK(merkle::layer_root(layer, 32768) == merkle::block_root(as_bytes(bytes), 8));
}
