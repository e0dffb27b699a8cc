// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

/// Weighted rendezvous hashing: for each thing that has to be somewhere every node has a score, and
/// the best ones win. Only integers and one exactly rounded division decide, so that all machines
/// and libraries agree. @source Thaler and Ravishankar 1998.
namespace shoal::cluster {

/// @returns what stands for a node in its scores.
uint64_t node_seed(std::string_view id);

/// -w / log u: a node of weight w wins as often as w nodes of weight 1. @param weight above 0.
/// @param thing evenly spread, or a small number.
double rendezvous_score(uint32_t weight, uint64_t seed, uint64_t thing);

/// @returns at least that score, mostly little more: many times cheaper, where only the best of
/// many count.
double rendezvous_bound(uint32_t weight, uint64_t seed, uint64_t thing);

} // namespace shoal::cluster
