// SPDX-License-Identifier: Apache-2.0
// The swarm's peers that are connected by WebSocket.
#include "actors/swarm.hpp"
#include "actors/swarm_replication.hpp"

namespace shoal {

void swarm::on_web_announce(web_announce& req, const visitor_actor& line) {
  if (retired_) {
    send(config_.shards[slot_of(hash_)], req, line);
    return;
  }
  deserted_sweeps_ = 0;
  restored_ = 0;
  last_heard_ = now();
  config_.announces.add();
  auto stopped = req.event == announce_event::stopped;
  web_visitors::visitor who{req.identity, req.id, state_of(req), line, now() + config_.web_ttl_s};
  std::vector<peer_change> changes;
  auto joined = false;
  if (stopped)
    leave_web(req.identity, line->id(), changes);
  else
    joined = need_web().enter(who, peers_.knows(req.identity), &changes);
  if (joined && req.event == announce_event::completed && web_->complete(req.identity)
      && peers_.complete(req.identity)) {
    note_completion(req.identity);
    if (auto* to = standby())
      cluster::replication_log::entry{*to, hash_}.numbers({peers_.counts().completed, age_s()});
  }
  publish_size();
  note_changes(std::move(changes));
  if (!req.user.empty())
    book_traffic(req.user,
                 {req.identity, req.client.family, req.event, req.uploaded, req.downloaded});
  auto all = counts();
  send(line, web_reply{hash_, config_.web_interval_s, all.seeders, all.leechers, req.arrived_us});
  if (joined)
    relay_offers(who, std::move(req.offers));
}

void swarm::web_announce_in_turn(web_announce& req, const visitor_actor& line) {
  if (!started_)
    on_start();
  try {
    on_web_announce(req, line);
  } catch (const std::exception& e) {
    fail_turn(e);
  }
}

void swarm::relay_offers(const web_visitors::visitor& from, std::vector<ws_offer> offers) {
  auto next = offers.begin();
  auto offerer = caf::actor_cast<offerer_actor>(from.line);
  web_->choose(from, offers.size(), draw(), [&](const web_visitors::visitor& to) {
    send(to.line, web_offered{hash_, to.id, from.id, std::move(*next++)}, offerer);
  });
}

void swarm::on_web_left(const web_left& fact) {
  std::vector<peer_change> changes;
  leave_web(fact.identity, fact.line, changes);
  publish_size();
  note_changes(std::move(changes));
}

void swarm::leave_web(uint64_t identity, uint64_t line, std::vector<peer_change>& changes) {
  if (!web_)
    return;
  web_->leave(identity, line, &changes);
  if (web_->empty())
    web_.reset();
}

void swarm::expire_web(std::vector<peer_change>& changes) {
  if (!web_)
    return;
  web_->expire(now(), &changes);
  if (web_->empty())
    web_.reset();
}

void swarm::evict_web(std::vector<peer_change>& changes) {
  if (!web_)
    return;
  web_->for_each_visitor([&](auto& who) { send(who.line, web_evicted{hash_}); });
  web_->for_each_identity([&](uint64_t identity, peer_state) {
    changes.push_back({identity, peer_change::to::gone});
  });
  web_.reset();
}

swarm::web_visitors& swarm::need_web() {
  if (!web_)
    web_ = std::make_unique<web_visitors>();
  return *web_;
}

swarm_counts swarm::counts() const {
  auto all = peers_.counts();
  if (web_) {
    auto here = web_->counts();
    all.seeders += here.seeders;
    all.leechers += here.leechers;
    all.downloaders += here.downloaders;
  }
  return all;
}

} // namespace shoal
