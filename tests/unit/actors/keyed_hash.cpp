// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.keyed_hash

#include "actors/keyed_hash.hpp"

#include "core/hex.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

// The empty vector is that of the reference code's key 00 01 .. 0f; the others were computed by
// CPython 3.11, whose bytes hash is SipHash-1-3, with a zero key.
CAF_TEST(the hash is SipHash 1 3) {
  hash_key counting{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  CAF_CHECK_EQUAL(keyed_hash(counting, {}), 0xabac0158050fc4dcu);
  hash_key zero;
  CAF_CHECK_EQUAL(keyed_hash(zero, as_bytes("a")), 0x407448d2b89b1813u);
  CAF_CHECK_EQUAL(keyed_hash(zero, as_bytes("abcdefgh")), 0x3f7b849c0b8e35eau);
  CAF_CHECK_EQUAL(keyed_hash(zero, as_bytes("abcdefghi")), 0xf89b34a3d11eb6e5u);
}

CAF_TEST(another key gives another hash) {
  CAF_CHECK(keyed_hash({1, 2}, as_bytes("abc")) != keyed_hash({1, 3}, as_bytes("abc")));
}
