// SPDX-License-Identifier: Apache-2.0
#include "actors/edge_relay.hpp"

#include "actors/link_convert.hpp"
#include "core/limits.hpp"

#include <algorithm>

namespace shoal {

using cluster::node_number;

namespace {

constexpr uint32_t sequence_mask = 0xffffff; // The rest of a ticket is the edge's number.

using where = relay_pick::where;

link_answer only(uint32_t ticket, link_verdict verdict) {
  link_answer x;
  x.ticket = ticket;
  x.verdict = verdict;
  return x;
}

} // namespace

/// Stands for a client of another node.
class edge_relay::foreign final : public announce_sink {
public:
  explicit foreign(edge_relay& at) : at_{at} {}

  void on_reply(announce_reply* reply) override { at_.answer(*this, reply); }

  node_number from = cluster::nobody;
  uint32_t ticket = 0;

private:
  edge_relay& at_;
};

edge_relay::edge_relay(edge_port& port, const swarm_directory& directory, relay_hub& hub,
                       std::function<void()> wake)
    : port_{port}, directory_{directory}, hub_{hub}, choice_{hub.routes()},
      inbox_{std::make_shared<relay_inbox>(std::move(wake))}, number_{hub.add(inbox_)} {}

edge_relay::~edge_relay() {
  hub_.remove(inbox_);
  inbox_->close(); // Answers that are still under way hold it.
}

// -- announces of this node's clients -----------------------------------------------------

void edge_relay::announce(announce_request req, announce_sink& sink, mono_time now) {
  route({std::move(req), &sink, now, false}, now);
}

void edge_relay::route(parked x, mono_time now) {
  auto slot = slot_of(x.request.swarm);
  auto pick = choice_.choose(slot, now);
  if ((pick.at == where::later || x.refused) && now - x.began >= defaults::relay_patience)
    pick = choice_.choose_beside_owner(slot, now);
  auto [at, node] = pick;
  // A link may be about to come up, or the word of who has the slot now to arrive.
  auto waits
      = at == where::later || (at == where::nowhere && now - x.began < defaults::relay_patience);
  if (waits && parked_.size() < limits::relay_pending_max) {
    parked_.push_back(std::move(x));
  } else if (at == where::nowhere || at == where::later) {
    hub_.metrics().lost.add();
    given_up_.push_back(x.sink);
  } else if (at == where::here) {
    auto swarm = directory_.lookup(x.request.swarm).swarm;
    port_.announce_here(std::move(x.request), swarm, *x.sink, x.began);
  } else {
    if (hub_.routes().route(slot).owner != node)
      hub_.metrics().stood_in.add();
    box_for(node).announces.push_back(
        {std::move(x.request), x.sink, x.began, now, node, x.refused});
  }
}

edge_relay::outbox& edge_relay::box_for(node_number node) {
  if (node >= boxes_.size())
    boxes_.resize(node + size_t{1});
  auto& box = boxes_[node];
  if (!box)
    box = std::make_unique<outbox>();
  if (!std::exchange(box->listed, true))
    to_send_.push_back(node);
  return *box;
}

bool edge_relay::flush() {
  for (auto node : to_send_) {
    auto& box = *boxes_[node];
    box.listed = false;
    send_announces(node, box);
    send_answers(node, box);
  }
  to_send_.clear();
  inbox_->waiting.store(waiting_count_ + parked_.size() + scrapes_.size(),
                        std::memory_order_relaxed);
  return !given_up_.empty();
}

void edge_relay::send_announces(node_number node, outbox& box) {
  size_t sent = 0;
  while (sent < box.announces.size()) {
    // A batch counts its tickets up by itself, so it must not reach over the end of the numbers.
    auto room = size_t{sequence_mask} + 1 - (next_ & sequence_mask);
    link_announce_writer batch{body_, number_ << 24 | (next_ & sequence_mask), false};
    for (; sent < box.announces.size() && batch.size() < room; ++sent) {
      auto& x = box.announces[sent];
      if (!batch.add(to_link(x.request, hub_.whole_ids())))
        break;
      waiting_.push_back(std::move(x));
      ++waiting_count_;
      ++next_;
    }
    hub_.metrics().sent.add(batch.size());
    hub_.metrics().batches.add();
    hub_.tell(node, link_kind::announces, body_);
  }
  box.announces.clear();
  while (waiting_.size() > limits::relay_pending_max) {
    if (auto* sink = waiting_.front().sink) {
      close(waiting_.front());
      give_up(*sink);
    }
    drop_closed();
  }
}

// -- answers --------------------------------------------------------------------------------

edge_relay::waiting* edge_relay::find(uint32_t ticket) {
  auto first = next_ - static_cast<uint32_t>(waiting_.size());
  auto index = (ticket - first) & sequence_mask;
  if (ticket >> 24 != number_ || index >= waiting_.size() || waiting_[index].sink == nullptr)
    return nullptr; // Too late: another node's answer was first, or nobody waits any more.
  return &waiting_[index];
}

void edge_relay::close(waiting& x) {
  x.sink = nullptr;
  --waiting_count_;
}

void edge_relay::drop_closed() {
  while (!waiting_.empty() && waiting_.front().sink == nullptr)
    waiting_.pop_front();
}

void edge_relay::give_up(announce_sink& sink) {
  hub_.metrics().lost.add();
  given_up_.push_back(&sink);
}

void edge_relay::on_answers(const relay_parcel& x, mono_time) {
  choice_.answered(x.from);
  link_answer_reader in{x.body};
  for (link_answer one; in.next(one);) {
    auto* found = find(one.ticket);
    if (found == nullptr || found->to != x.from)
      continue;
    if (one.verdict == link_verdict::moved) {
      if (hub_.broken == cluster::traffic_flaw::drops_moved)
        close(*found);
      else
        park(*found, true);
      continue;
    }
    auto* sink = found->sink;
    close(*found);
    if (one.verdict == link_verdict::busy) {
      give_up(*sink);
      continue;
    }
    from_link(one, reply_);
    sink->on_reply(&reply_);
  }
  if (!in.good())
    hub_.metrics().dropped.add();
  drop_closed();
}

/// It is sent again once this node may know better.
void edge_relay::park(waiting& x, bool refused) {
  parked_.push_back({std::move(x.request), x.sink, x.began, refused});
  close(x);
}

// -- what waits -------------------------------------------------------------------------------

void edge_relay::run(mono_time (*clock)()) {
  auto parcels = inbox_->take();
  if (parcels.empty() && pending() == 0 && given_up_.empty())
    return;
  auto now = clock();
  for (auto& x : parcels) {
    switch (x.kind) {
    case relay_parcel::what::announces:
      on_announces(x, now);
      break;
    case relay_parcel::what::answers:
      on_answers(x, now);
      break;
    case relay_parcel::what::scrapes:
      on_scrapes(x, now);
      break;
    case relay_parcel::what::scraped:
      on_scraped(x, now);
    }
  }
  auto version = hub_.routes().version();
  if (version != routes_seen_ || now - looked_at_ >= defaults::relay_reminder_period) {
    routes_seen_ = version;
    looked_at_ = now;
    look_at_waiting(now);
  }
  for (auto* sink : std::exchange(given_up_, {}))
    sink->on_reply(nullptr);
}

void edge_relay::look_at_waiting(mono_time now) {
  auto& routes = hub_.routes();
  for (auto& x : waiting_) {
    if (x.sink == nullptr)
      continue;
    auto gone = !routes.is_reachable(x.to);
    if (!gone
        && (now - x.sent < defaults::relay_patience
            || hub_.broken == cluster::traffic_flaw::waits_for_owner))
      continue;
    if (gone && hub_.broken == cluster::traffic_flaw::drops_on_break) {
      close(x);
      continue;
    }
    if (!gone) {
      choice_.overdue(x.to, now);
      // Only another node's word is worth more than waiting on.
      auto next = choice_.choose(slot_of(x.request.swarm), now);
      if (next.at == where::nowhere || next.node == x.to)
        continue;
    }
    hub_.metrics().resent.add();
    // The first one may have counted it, or will when it wakes up: rather one too few than one
    // twice.
    if (x.request.event == announce_event::completed)
      x.request.event = announce_event::none;
    park(x, x.refused);
  }
  drop_closed();
  for (auto& x : std::exchange(parked_, {}))
    route(std::move(x), now);
}

void edge_relay::sweep(mono_time now) {
  auto overdue = [now](mono_time began) { return now - began > defaults::request_timeout; };
  for (auto& x : waiting_) {
    if (x.sink == nullptr || !overdue(x.began))
      continue;
    auto* sink = x.sink;
    close(x);
    give_up(*sink);
  }
  drop_closed();
  std::erase_if(parked_, [&](auto& x) {
    if (overdue(x.began))
      give_up(*x.sink);
    return overdue(x.began);
  });
  // The port gives up on the scrape itself.
  std::erase_if(scrapes_, [&](auto& x) { return overdue(x.second.began); });
  for (auto* sink : std::exchange(given_up_, {}))
    sink->on_reply(nullptr);
}

// -- announces of other nodes' clients ----------------------------------------------------------

void edge_relay::on_announces(const relay_parcel& x, mono_time now) {
  auto& routes = hub_.routes();
  link_announce_reader in{x.body};
  for (link_announce one; in.next(one);) {
    if (free_.empty())
      free_.push_back(&foreign_.emplace_back(*this));
    auto& client = *free_.back();
    free_.pop_back();
    client.from = x.from;
    client.ticket = one.ticket;
    auto slot = slot_of(one.swarm);
    auto [owner, standby] = routes.route(slot);
    auto mine = owner == cluster::this_node;
    if ((mine && choice_.choose(slot, now).at == where::here)
        || (!mine && standby == cluster::this_node
            && hub_.broken != cluster::traffic_flaw::never_stands_in)) {
      hub_.metrics().served.add();
      from_link(one, request_);
      port_.announce_here(request_, directory_.lookup(one.swarm).swarm, client, now);
    } else {
      append_link_answer(box_for(x.from).answers, only(one.ticket, link_verdict::moved));
      ++box_for(x.from).answer_count;
      free_.push_back(&client);
    }
  }
  if (!in.good())
    hub_.metrics().dropped.add();
}

void edge_relay::answer(foreign& whose, announce_reply* reply) {
  auto& box = box_for(whose.from);
  // The largest answer has numwant_max peers of both families, with their ids.
  constexpr size_t answer_bytes_max
      = limits::numwant_max * (6 + 18 + 2 * peer_id::size_bytes) + 128;
  if (box.answer_count == link_answers_max
      || box.answers.size() + answer_bytes_max > link_body_bytes_max)
    send_answers(whose.from, box);
  if (reply)
    append_link_answer(box.answers, to_link(*reply, whose.ticket));
  else
    append_link_answer(box.answers, only(whose.ticket, link_verdict::busy));
  ++box.answer_count;
  free_.push_back(&whose);
}

void edge_relay::send_answers(node_number node, outbox& box) {
  if (box.answer_count == 0)
    return;
  hub_.tell(node, link_kind::answers, box.answers);
  box.answers.clear();
  box.answer_count = 0;
}

} // namespace shoal
