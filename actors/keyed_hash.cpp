// SPDX-License-Identifier: Apache-2.0
#include "actors/keyed_hash.hpp"

#include <bit>
#include <cstddef>
#include <cstring>

namespace shoal {

namespace {

struct sip_state {
  uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void absorb(uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

} // namespace

uint64_t keyed_hash(const hash_key& key, std::span<const uint8_t> bytes) {
  sip_state s{key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
              key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    s.absorb(word);
  }
  auto last = uint64_t{bytes.size()} << 56;
  for (size_t shift = 0; at < bytes.size(); ++at, shift += 8)
    last |= uint64_t{bytes[at]} << shift;
  s.absorb(last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i)
    s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

} // namespace shoal
