// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/geo_lookup.hpp"
#include "actors/peer_list.hpp"
#include "actors/zone_table.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

class agent_book;

/// One side of a meeting of two peers of the same family.
struct party {
  const uint8_t* wire = nullptr; ///< Address and port in wire form.
  ip_family family = ip_family::v4;
  peer_state state = peer_state::leecher;
  bool newcomer = false; ///< It has just started. Known of the asker only.
  whereabouts where;
};

/// Says whom a swarm hands out first. A swarm looks at a bounded random sample of its peers, gives
/// the best of them, and mixes in random ones so that it does not fall apart. Without a policy all
/// are random. Used by all threads at once.
class peer_policy {
public:
  /// The best that `preference` may say.
  static constexpr uint8_t preference_max = 3;

  virtual ~peer_policy() = default;

  /// Whether swarms are to remember `locate` of every address: 8 bytes each.
  virtual bool wants_places() const { return false; }

  /// Adds what the policy wants to know of an address that joins.
  virtual void locate(const ip_address&, whereabouts&) const {}

  /// Whether half of this asker's sample are to be seeds.
  virtual bool samples_seeds(const party&) const { return false; }

  /// @returns 0, no better than any, up to preference_max.
  virtual uint8_t preference(const party& asker, const party& other) const = 0;
};

/// Who shares a /24 or a /48 comes first: the same site or provider, most likely.
class near_policy : public peer_policy {
public:
  uint8_t preference(const party& asker, const party& other) const override;
};

/// Who is in the same zone of the operator's table comes first. Agents say in which they are.
class zone_policy : public peer_policy {
public:
  /// @param agents outlives this; may be null.
  zone_policy(std::shared_ptr<const zone_table> zones, const agent_book* agents)
      : zones_{std::move(zones)}, agents_{agents} {}
  bool wants_places() const override { return true; }
  void locate(const ip_address& address, whereabouts& out) const override;
  uint8_t preference(const party& asker, const party& other) const override;

private:
  std::shared_ptr<const zone_table> zones_;
  const agent_book* agents_;
};

/// Agents come first, those that can give more before others.
class agents_policy : public peer_policy {
public:
  /// @param agents outlives this; may be null.
  explicit agents_policy(const agent_book* agents) : agents_{agents} {}
  bool wants_places() const override { return true; }
  void locate(const ip_address& address, whereabouts& out) const override;
  bool samples_seeds(const party& asker) const override {
    return asker.state == peer_state::leecher;
  }
  uint8_t preference(const party& asker, const party& other) const override;

private:
  const agent_book* agents_;
};

/// Who is in the same autonomous system comes first, then who is in the same country.
class geo_policy : public peer_policy {
public:
  explicit geo_policy(std::shared_ptr<const geo_lookup> databases)
      : databases_{std::move(databases)} {}
  bool wants_places() const override { return true; }
  void locate(const ip_address& address, whereabouts& out) const override;
  uint8_t preference(const party& asker, const party& other) const override;

private:
  std::shared_ptr<const geo_lookup> databases_;
};

/// A peer that starts gets origins first, then seeds: it has nothing to trade yet. Everybody else
/// is left to the others, so that origins do not do all the work.
class origins_policy : public peer_policy {
public:
  explicit origins_policy(std::vector<cidr> origins) : origins_{std::move(origins)} {}
  bool wants_places() const override { return true; }
  void locate(const ip_address& address, whereabouts& out) const override;
  bool samples_seeds(const party& asker) const override { return asker.newcomer; }
  uint8_t preference(const party& asker, const party& other) const override;

private:
  std::vector<cidr> origins_;
};

/// Several policies; what an earlier one says weighs more than all that later ones say.
class policy_list : public peer_policy {
public:
  static constexpr size_t policies_max = 4;

  explicit policy_list(std::vector<std::unique_ptr<peer_policy>> all) : all_{std::move(all)} {}
  bool wants_places() const override;
  void locate(const ip_address& address, whereabouts& out) const override;
  bool samples_seeds(const party& asker) const override;
  uint8_t preference(const party& asker, const party& other) const override;

private:
  std::vector<std::unique_ptr<peer_policy>> all_;
};

/// What an operator says about the choice of peers.
struct policy_config {
  /// In order of weight: near, zone, agents, geo, origins; or random.
  std::vector<std::string> names;
  uint32_t mix_percent = 25;      ///< Share of random peers in a handout.
  std::vector<std::string> zones; ///< "NAME=CIDR".
  std::vector<cidr> origins;      ///< Networks whose peers are origins.
  std::vector<std::string> geoip; ///< Files in MaxMind's format: country, ASN or both.
};

/// @returns null if all peers are to be random.
/// @errors ec::invalid_argument: unknown name, policy without what it needs, file not readable.
/// @param agents outlives the policy; null: there are none.
result<std::unique_ptr<peer_policy>> make_policy(const policy_config& config,
                                                 const agent_book* agents = nullptr);

} // namespace shoal
