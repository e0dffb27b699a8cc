// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_set.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace shoal::test {

/// A swarm in virtual time: peers of three zones that join at once and trade blocks until all have
/// everything. It shows what the choice of peers does to traffic between zones and to the time that
/// a download takes. Simple on purpose: each second every peer uploads to a few of its neighbours
/// that miss something, whoever they are, and downloads as much as its line takes; where a
/// neighbour is does not change how fast it is. Real clients keep fast neighbours, so they profit
/// more from near ones than this one does.
class swarm_simulation {
public:
  struct plan {
    uint32_t peers_per_zone = 100;
    uint32_t origins = 3; ///< In zone 1, and with everything from the start.
    uint32_t blocks = 400;
    uint32_t uploads = 4;   ///< Blocks per second and peer.
    uint32_t downloads = 8; ///< Blocks per second and peer.
    uint32_t neighbours = 30;
    uint32_t announce_s = 60; ///< Until a peer has its neighbours.
    uint32_t give_up_s = 5000;
    uint64_t seed = 1;
  };

  struct outcome {
    uint64_t blocks = 0;
    uint64_t between_zones = 0;
    double mean_s = 0;
    uint32_t last_s = 0; ///< When the last peer had everything; give_up_s if one never had.

    double crossing() const {
      return double(between_zones) / double(std::max<uint64_t>(blocks, 1));
    }
  };

  static constexpr uint32_t zones = 3;

  /// Zone `z`, 0.., is 10.(z + 1).0.0/16, twenty peers in each /24.
  static ip_address address_of(uint32_t zone, uint32_t number) {
    return ip_address::v4({10, uint8_t(zone + 1), uint8_t(number / 20), uint8_t(number % 20 + 1)});
  }
  static constexpr auto origin_network = "10.1.255.0/24";

  swarm_simulation(const peer_table_config& config, const plan& wanted)
      : config_{config}, plan_{wanted}, random_{wanted.seed}, set_{config_} {
    for (uint32_t i = 0; i < plan_.origins; ++i)
      add(0, ip_address::v4({10, 1, 255, uint8_t(i + 1)}), true);
    for (uint32_t i = 0; i < plan_.peers_per_zone; ++i)
      for (uint32_t zone = 0; zone < zones; ++zone)
        add(zone, address_of(zone, i), false);
  }

  outcome run() {
    std::vector<uint32_t> order(peers_.size());
    for (uint32_t i = 0; i < order.size(); ++i)
      order[i] = i;
    outcome result;
    auto left = peers_.size() - plan_.origins;
    for (uint32_t now = 0; now < plan_.give_up_s && left > 0; ++now) {
      std::shuffle(order.begin(), order.end(), random_);
      for (auto i : order)
        if (peers_[i].connected.size() < plan_.neighbours / 2
            && (now == 0 || (now + i) % plan_.announce_s == 0))
          announce(i, now);
      for (auto& p : peers_)
        p.received = 0;
      for (auto i : order)
        left -= upload(i, now, result);
    }
    finish(result, left);
    return result;
  }

private:
  struct peer {
    uint32_t zone;
    endpoint where;
    std::vector<bool> has;
    uint32_t count = 0;
    uint32_t received = 0; // In this second.
    uint32_t complete_s = UINT32_MAX;
    std::vector<uint32_t> connected;
  };

  void add(uint32_t zone, const ip_address& where, bool complete) {
    peer p{zone, {where, 6881}, std::vector<bool>(plan_.blocks, complete), 0, 0, UINT32_MAX, {}};
    p.count = complete ? plan_.blocks : 0;
    peers_.push_back(std::move(p));
  }

  void announce(uint32_t i, uint32_t now) {
    announce_input in;
    in.peer = peers_[i].where;
    in.identity = i + 1;
    in.left_bytes = plan_.blocks - peers_[i].count;
    in.event = now == 0 ? announce_event::started : announce_event::none;
    in.numwant = plan_.neighbours;
    handout out;
    set_.announce(in, now, random_(), out);
    for (size_t at = 0; at < out.peers4.size(); at += 6) {
      auto b = [&](size_t n) { return uint8_t(out.peers4[at + n]); };
      connect(i, index_of(b(1), b(2), b(3)));
    }
  }

  uint32_t index_of(uint8_t zone, uint8_t network, uint8_t host) const {
    if (network == 255)
      return host - 1u;
    return plan_.origins + (network * 20u + host - 1u) * zones + zone - 1u;
  }

  void connect(uint32_t a, uint32_t b) {
    auto& from = peers_[a].connected;
    auto& to = peers_[b].connected;
    // Clients take more connections than they make.
    if (from.size() >= plan_.neighbours || to.size() >= 2 * plan_.neighbours
        || std::find(from.begin(), from.end(), b) != from.end())
      return;
    from.push_back(b);
    to.push_back(a);
  }

  /// @returns how many peers this made complete.
  uint32_t upload(uint32_t i, uint32_t now, outcome& result) {
    auto& from = peers_[i];
    if (from.count == 0 || from.connected.empty())
      return 0;
    uint32_t done = 0;
    uint32_t sent = 0;
    for (uint32_t tries = 0; sent < plan_.uploads && tries < 4 * plan_.uploads; ++tries) {
      auto& to = peers_[from.connected[random_() % from.connected.size()]];
      auto block = pick(from, to);
      if (block == plan_.blocks)
        continue;
      to.has[block] = true;
      ++to.received;
      ++sent;
      ++result.blocks;
      result.between_zones += from.zone != to.zone;
      if (++to.count == plan_.blocks) {
        to.complete_s = now + 1;
        ++done;
      }
    }
    return done;
  }

  /// A block that one has and the other misses, or `blocks`.
  uint32_t pick(const peer& from, const peer& to) {
    if (to.received >= plan_.downloads || to.count == plan_.blocks)
      return plan_.blocks;
    auto start = uint32_t(random_() % plan_.blocks);
    for (uint32_t n = 0; n < plan_.blocks; ++n) {
      auto block = (start + n) % plan_.blocks;
      if (from.has[block] && !to.has[block])
        return block;
    }
    return plan_.blocks;
  }

  void finish(outcome& result, size_t left) const {
    double sum = 0;
    for (auto& p : peers_)
      if (p.complete_s != UINT32_MAX) {
        sum += p.complete_s;
        result.last_s = std::max(result.last_s, p.complete_s);
      }
    result.mean_s = sum / double(std::max<size_t>(peers_.size() - plan_.origins - left, 1));
    if (left > 0)
      result.last_s = plan_.give_up_s;
  }

  peer_table_config config_;
  plan plan_;
  std::mt19937_64 random_;
  std::vector<peer> peers_;
  peer_set set_;
};

/// Settings under which every policy has what it needs in a simulation.
inline policy_config simulated_policy(std::vector<std::string> names, uint32_t mix_percent) {
  policy_config config;
  config.names = std::move(names);
  config.mix_percent = mix_percent;
  config.zones = {"one=10.1.0.0/16", "two=10.2.0.0/16", "three=10.3.0.0/16"};
  config.origins = {*cidr::parse(swarm_simulation::origin_network)};
  return config;
}

} // namespace shoal::test
