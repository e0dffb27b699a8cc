// SPDX-License-Identifier: Apache-2.0
#include "cluster/object_homes.hpp"

#include "cluster/rendezvous.hpp"

#include <algorithm>
#include <cstring>

namespace shoal::cluster {

namespace {

uint64_t number_of(const sha256_digest& object) {
  uint64_t number = 0;
  std::memcpy(&number, object.bytes.data(), sizeof(number));
  return __builtin_bswap64(number);
}

bool keeps(const candidate& n) {
  return !n.draining && n.weight > 0;
}

} // namespace

std::vector<size_t> rank_homes(const std::vector<candidate>& nodes, const sha256_digest& object) {
  auto thing = number_of(object);
  std::vector<std::pair<double, size_t>> scores;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (keeps(nodes[i]))
      scores.emplace_back(rendezvous_score(nodes[i].weight, node_seed(nodes[i].id), thing), i);
  std::sort(scores.begin(), scores.end(), [&](auto& a, auto& b) {
    return a.first != b.first ? a.first > b.first : nodes[a.second].id < nodes[b.second].id;
  });
  // A node's turn: how many of its zone are before it.
  std::map<std::string_view, size_t> zones;
  std::vector<std::pair<size_t, size_t>> turns;
  for (auto& [score, i] : scores)
    turns.emplace_back(zones[nodes[i].zone]++, i);
  std::stable_sort(turns.begin(), turns.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::vector<size_t> ranked;
  for (auto& [turn, i] : turns)
    ranked.push_back(i);
  return ranked;
}

bool object_homes::look(std::vector<candidate> there, mono_time now) {
  for (auto& [id, x] : known_)
    x.there = false;
  for (auto& node : there)
    known_[node.id] = {node, now, true};
  std::erase_if(known_, [&](auto& x) { return now - x.second.seen > patience_; });
  auto all = std::move(all_);
  auto is_there = std::move(is_there_);
  rebuild();
  return all != all_ || is_there != is_there_;
}

void object_homes::rebuild() {
  all_.clear();
  is_there_.clear();
  there_.clear();
  for (auto& [id, x] : known_) {
    all_.push_back(x.node);
    is_there_.push_back(x.there);
    if (x.there)
      there_.push_back(x.node);
  }
}

bool object_homes::is_home(const sha256_digest& object) const {
  auto ranked = rank_homes(all_, object);
  for (size_t i = 0; i < std::min(copies_, ranked.size()); ++i)
    if (all_[ranked[i]].id == self_)
      return true;
  return false;
}

std::vector<std::string> object_homes::homes(const sha256_digest& object) const {
  auto ranked = rank_homes(all_, object);
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(copies_, ranked.size()); ++i)
    if (is_there_[ranked[i]])
      names.push_back(all_[ranked[i]].id);
  return names;
}

std::vector<std::string> object_homes::stand_ins(const sha256_digest& object) const {
  std::vector<std::string> names;
  for (auto i : rank_homes(there_, object))
    names.push_back(there_[i].id);
  return names;
}

size_t object_homes::reachable_copies() const {
  auto keeping = std::count_if(there_.begin(), there_.end(), keeps);
  return std::min(copies_, static_cast<size_t>(keeping));
}

size_t object_homes::possible_copies() const {
  auto keeping = std::count_if(all_.begin(), all_.end(), keeps);
  return std::min(copies_, static_cast<size_t>(keeping));
}

} // namespace shoal::cluster
