// SPDX-License-Identifier: Apache-2.0
#include "cluster/rendezvous.hpp"

#include <bit>

namespace shoal::cluster {

namespace {

__extension__ typedef unsigned __int128 uint128;

/// @source splitmix64, Sebastiano Vigna, public domain.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// @source FNV-1a, Fowler, Noll and Vo, public domain.
uint64_t hash(std::string_view id) {
  uint64_t value = 0xcbf29ce484222325u;
  for (auto c : id)
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mix(value);
}

/// @returns -log2(u) for u = `fraction` / 2^64, with 40 binary places: 1..2^46. Integers, because
/// the logarithms of two libraries may differ in the last bit.
uint64_t minus_log2(uint64_t fraction) {
  fraction |= 1;
  auto zeros = static_cast<unsigned>(std::countl_zero(fraction));
  uint64_t whole = uint64_t{zeros + 1} << 40;
  uint64_t places = 0;
  uint64_t x = fraction << zeros; // 1 <= x < 2, with 63 places.
  for (int i = 0; i < 40; ++i) {
    auto square = uint128{x} * x; // 126 places.
    auto twice = square >> 127 != 0;
    x = static_cast<uint64_t>(square >> (twice ? 64 : 63));
    places = places << 1 | (twice ? 1u : 0u);
  }
  return whole - places;
}

} // namespace

uint64_t node_seed(std::string_view id) {
  return hash(id);
}

double rendezvous_score(uint32_t weight, uint64_t seed, uint64_t thing) {
  return weight / static_cast<double>(minus_log2(mix(seed ^ mix(thing))));
}

} // namespace shoal::cluster
