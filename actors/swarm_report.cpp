// SPDX-License-Identifier: Apache-2.0
// What a swarm says of itself to statistics and operators.
#include "actors/swarm.hpp"

namespace shoal {

eviction_rank swarm::rank() const {
  if (entry())
    return eviction_rank::registered;
  if (deserted())
    return eviction_rank::deserted;
  if (restored_)
    return eviction_rank::restored;
  return peers_.addresses() == 1 && !web_ ? eviction_rank::single : eviction_rank::populated;
}

void swarm::be_counted() const {
  swarm_summary me;
  me.hash = hash_;
  me.counts = counts();
  me.last_heard = last_heard_;
  me.rank = rank();
  me.connected = web_ ? static_cast<uint32_t>(web_->visitors()) : 0;
  std::vector<uint8_t> clients;
  clients.reserve(peers_.addresses());
  peers_.for_each_address([&](const peer_view& x) {
    ++(x.address.address.is_v4() ? me.addresses4 : me.addresses6);
    clients.push_back(x.client);
  });
  config_.census.add(me, clients);
}

swarm_description swarm::on_describe(const describe_swarm& question) const {
  swarm_description me;
  me.numbers = on_scrape();
  auto known = shape(counts());
  me.age_s = known.age_s + now() - last_heard_;
  me.silent_s = now() - last_heard_;
  me.connected = web_ ? static_cast<uint32_t>(web_->visitors()) : 0;
  me.restored = restored_;
  me.addresses = peers_.addresses();
  me.memory_bytes = peers_.memory_bytes();
  me.interval_s = config_.intervals.draw(known, uptime_s(), 0x8000'0000); // No jitter.
  auto ttl = config_.peers.ttl_s;
  peers_.for_each_address([&](const peer_view& x) {
    if (me.peers.size() >= question.addresses_max)
      return;
    auto left = x.deadline - std::min(x.deadline, now());
    me.peers.push_back({x.address, x.state, x.second_address, ttl - std::min(ttl, left),
                        config_.clients.name_of(x.client)});
  });
  return me;
}

} // namespace shoal
