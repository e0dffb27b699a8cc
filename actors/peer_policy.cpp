// SPDX-License-Identifier: Apache-2.0
#include "actors/peer_policy.hpp"

#include "actors/agent_book.hpp"

#include <algorithm>
#include <cstring>

namespace shoal {

uint8_t near_policy::preference(const party& asker, const party& other) const {
  auto prefix = asker.family == ip_family::v4 ? size_t{3} : size_t{6};
  return std::memcmp(asker.wire, other.wire, prefix) == 0 ? 1 : 0;
}

void zone_policy::locate(const ip_address& address, whereabouts& out) const {
  out.zone = zones_->zone_of(address);
  auto agent = agents_ ? agents_->find(address) : std::nullopt;
  if (auto said = agent ? zones_->zone_named(agent->zone) : uint8_t{0})
    out.zone = said;
}

uint8_t zone_policy::preference(const party& asker, const party& other) const {
  return asker.where.zone != 0 && asker.where.zone == other.where.zone ? 1 : 0;
}

void agents_policy::locate(const ip_address& address, whereabouts& out) const {
  auto agent = agents_ ? agents_->find(address) : std::nullopt;
  out.agent = agent ? agent->pace & 3 : 0;
}

uint8_t agents_policy::preference(const party&, const party& other) const {
  return other.where.agent;
}

void geo_policy::locate(const ip_address& address, whereabouts& out) const {
  auto found = databases_->find(address);
  out.country = found.country;
  out.network = found.network;
}

uint8_t geo_policy::preference(const party& asker, const party& other) const {
  if (asker.where.network != 0 && asker.where.network == other.where.network)
    return 2;
  return asker.where.country != 0 && asker.where.country == other.where.country ? 1 : 0;
}

void origins_policy::locate(const ip_address& address, whereabouts& out) const {
  out.origin = contains(origins_, address);
}

uint8_t origins_policy::preference(const party& asker, const party& other) const {
  if (!asker.newcomer)
    return 0;
  return other.where.origin ? 2 : other.state == peer_state::seeder ? 1 : 0;
}

bool policy_list::wants_places() const {
  return std::any_of(all_.begin(), all_.end(), [](auto& p) { return p->wants_places(); });
}

void policy_list::locate(const ip_address& address, whereabouts& out) const {
  for (auto& p : all_)
    p->locate(address, out);
}

bool policy_list::samples_seeds(const party& asker) const {
  return std::any_of(all_.begin(), all_.end(), [&](auto& p) { return p->samples_seeds(asker); });
}

uint8_t policy_list::preference(const party& asker, const party& other) const {
  static_assert(policies_max * 2 <= 8 && preference_max < 4);
  uint8_t sum = 0;
  for (auto& p : all_)
    sum = uint8_t(sum << 2 | p->preference(asker, other));
  return sum;
}

namespace {

result<std::unique_ptr<peer_policy>> make_one(const std::string& name, const policy_config& config,
                                              const agent_book* agents) {
  if (name == "near")
    return std::make_unique<near_policy>();
  if (name == "agents")
    return std::make_unique<agents_policy>(agents);
  if (name == "origins")
    return std::make_unique<origins_policy>(config.origins);
  if (name == "zone") {
    auto zones = zone_table::parse(config.zones);
    if (!zones)
      return tl::unexpected{zones.error()};
    return std::make_unique<zone_policy>(std::make_shared<const zone_table>(std::move(*zones)),
                                         agents);
  }
  if (name == "geo") {
    auto databases = geo_lookup::open(config.geoip);
    if (!databases)
      return tl::unexpected{databases.error()};
    return std::make_unique<geo_policy>(std::move(*databases));
  }
  return fail(ec::invalid_argument, "peer-policy: \"" + name + "\" is none");
}

} // namespace

result<std::unique_ptr<peer_policy>> make_policy(const policy_config& config,
                                                 const agent_book* agents) {
  auto& names = config.names;
  if (names.empty() || (names.size() == 1 && names.front() == "random"))
    return std::unique_ptr<peer_policy>{};
  if (names.size() > policy_list::policies_max)
    return fail(ec::invalid_argument, "peer-policy: too many");
  std::vector<std::unique_ptr<peer_policy>> all;
  for (auto& name : names) {
    auto made = make_one(name, config, agents);
    if (!made)
      return made;
    all.push_back(std::move(*made));
  }
  if (all.size() == 1)
    return std::move(all.front());
  return std::make_unique<policy_list>(std::move(all));
}

} // namespace shoal
