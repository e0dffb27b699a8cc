// SPDX-License-Identifier: Apache-2.0
#include "cluster/rendezvous.hpp"

#include <array>
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

/// A number in [1, 2) with 63 binary places.
/// @returns its logarithm to base 2 with 40 places. It never falls as `x` grows.
uint64_t log2_places(uint64_t x) {
  uint64_t places = 0;
  for (int i = 0; i < 40; ++i) {
    auto square = uint128{x} * x; // 126 places.
    auto twice = square >> 127 != 0;
    x = static_cast<uint64_t>(square >> (twice ? 64 : 63));
    places = places << 1 | (twice ? 1u : 0u);
  }
  return places;
}

constexpr unsigned cell_bits = 11;

/// The greatest logarithm in each of the equal cells of [1, 2).
const std::array<uint64_t, 1 << cell_bits>& log2_cells() {
  static const auto cells = [] {
    constexpr unsigned rest = 63 - cell_bits;
    std::array<uint64_t, 1 << cell_bits> made{};
    for (uint64_t i = 0; i < made.size(); ++i)
      made[i] = log2_places(((made.size() + i + 1) << rest) - 1);
    return made;
  }();
  return cells;
}

/// @returns -log2(u) for u = `fraction` / 2^64, with 40 binary places: 1..2^46. Integers, because
/// the logarithms of two libraries may differ in the last bit.
/// @param places_of gives the places of a logarithm, as log2_places does.
template <class Places>
uint64_t minus_log2(uint64_t fraction, Places places_of) {
  fraction |= 1;
  auto zeros = static_cast<unsigned>(std::countl_zero(fraction));
  return (uint64_t{zeros + 1} << 40) - places_of(fraction << zeros);
}

uint64_t drawn(uint64_t seed, uint64_t thing) {
  return mix(seed ^ mix(thing));
}

} // namespace

uint64_t node_seed(std::string_view id) {
  return hash(id);
}

double rendezvous_score(uint32_t weight, uint64_t seed, uint64_t thing) {
  return weight / static_cast<double>(minus_log2(drawn(seed, thing), log2_places));
}

double rendezvous_bound(uint32_t weight, uint64_t seed, uint64_t thing) {
  const auto& cells = log2_cells();
  auto most = [&](uint64_t x) { return cells[(x >> (63 - cell_bits)) - cells.size()]; };
  return weight / static_cast<double>(minus_log2(drawn(seed, thing), most));
}

} // namespace shoal::cluster
