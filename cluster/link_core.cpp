// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_core.hpp"

#include "core/limits.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <utility>

namespace shoal::cluster {

namespace {

constexpr std::string_view log_name = "links";

/// Of strangers one is worth a line in this time.
constexpr auto stranger_period = link_complaints::period;

/// Connections of one dialer are numbered.
uint64_t attempt_of(const link_session& x) {
  return x.side() == link_session::role::dials ? x.plan_of().attempt : x.other().attempt;
}

} // namespace

link_core::link_core(link_identity self, link_timing timing, uint64_t seed, clock now, executor run)
    : self_{std::move(self)}, timing_{timing}, random_{seed}, now_{std::move(now)}, run_{std::move(
                                                                                        run)} {}

link_core::~link_core() = default;

link_core::peer* link_core::find(const std::string& node) {
  auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : &found->second;
}

// -- messages ---------------------------------------------------------------------

void link_core::call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
                     links::callback then) {
  auto* to = find(node);
  if (!to || !to->link)
    return then(fail(ec::unavailable, "no link to '" + node + '\''));
  auto link = to->link;
  if (!knows(*link, kind))
    return then(fail(ec::unsupported, "an older protocol is spoken with '" + node
                                          + "', without messages of kind " + std::to_string(kind)));
  link->call(kind, std::move(body), deadline, std::move(then), now_());
}

void link_core::tell(const std::string& node, uint16_t kind, std::string body) {
  auto* to = find(node);
  if (!to || !to->link || !knows(*to->link, kind) || !to->link->tell(kind, std::move(body)))
    ++totals_.dropped_notices;
}

void link_core::request(link_session& from, uint64_t id, const link_message& x) {
  auto send = [weak = from.weak_from_this(), id, run = run_](result<std::string> what) {
    run([weak, id, what = std::move(what)]() mutable {
      if (auto link = weak.lock())
        link->answer(id, std::move(what));
    });
  };
  if (x.deadline <= now_())
    return send(fail(ec::unavailable, "nobody waits for it any more"));
  auto found = handlers_.find(x.kind);
  if (found == handlers_.end() || !knows(from, x.kind))
    return send(fail(ec::unsupported, "messages of kind " + std::to_string(x.kind)));
  found->second(x, link_reply{std::move(send)});
}

void link_core::notice(link_session& from, const link_message& x) {
  auto found = handlers_.find(x.kind);
  if (found != handlers_.end() && knows(from, x.kind))
    found->second(x, link_reply{[](auto&&) {}});
}

// -- whom to dial -----------------------------------------------------------------

void link_core::follow(std::vector<link_peer> peers) {
  std::map<std::string, peer> before = std::exchange(peers_, {});
  auto now = now_();
  for (auto& record : peers) {
    auto is_self = record.node == self_.node && record.incarnation == self_.incarnation;
    if (is_self || stopping_ || peers_.size() >= limits::link_peers_max)
      continue;
    auto found = before.find(record.node);
    auto same = found != before.end() && found->second.record.incarnation == record.incarnation;
    auto [at, added] = peers_.try_emplace(record.node);
    if (!added)
      continue;
    if (same) {
      at->second = std::move(found->second);
      before.erase(found);
    } else if (found != before.end()) { // The same node, so its numbers go on.
      at->second.ups = found->second.ups;
      at->second.past = found->second.link ? sum(found->second) : found->second.past;
    }
    if (at->second.record.addresses != record.addresses) {
      at->second.address = 0;
      at->second.dial_at = now;
      at->second.backoff = timing_.backoff_min;
    }
    at->second.record = std::move(record);
  }
  for (auto& [node, gone] : before) {
    if (!gone.link)
      continue;
    auto link = std::exchange(gone.link, nullptr);
    auto is_new = peers_.contains(node);
    link->close(is_new ? link_refusal::old_incarnation : link_refusal::unknown_node,
                is_new ? "another process is registered now" : "nobody is registered any more");
    report_down(*link, {ec::unavailable, "not registered any more"});
  }
}

std::vector<link_core::dial> link_core::dials_due() {
  std::vector<dial> due;
  auto now = now_();
  for (auto& [node, p] : peers_) {
    if (stopping_ || node > self_.node || p.link || p.dialing || p.dial_at > now
        || p.record.addresses.empty())
      continue;
    p.dialing = ++attempts_;
    auto n = p.record.addresses.size();
    due.push_back({node, p.record.addresses[p.address % n], p.dialing, p.address / n});
    ++p.address;
    ++totals_.dials;
  }
  return due;
}

mono_time link_core::next_dial() const {
  auto next = mono_time::max();
  for (auto& [node, p] : peers_)
    if (!stopping_ && node <= self_.node && !p.link && !p.dialing && !p.record.addresses.empty())
      next = std::min(next, p.dial_at);
  return next;
}

void link_core::plan_dial(peer& p, bool was_well) {
  p.dialing = 0;
  if (was_well)
    p.backoff = timing_.backoff_min;
  // Half of it by chance, so that nodes do not come all at once after an outage.
  auto half = std::max<mono_time::duration::rep>(p.backoff.count() / 2, 1);
  p.dial_at = now_() + mono_time::duration{half + static_cast<int64_t>(random_() % uint64_t(half))};
  p.backoff = std::min<mono_time::duration>(p.backoff * 2, timing_.backoff_max);
}

std::shared_ptr<link_session> link_core::dialed(const dial& what, link_certificate certificate) {
  link_session::plan plan{self_,     timing_,      link_session::role::dials,
                          what.node, what.attempt, std::move(certificate)};
  return std::make_shared<link_session>(static_cast<link_session::owner&>(*this), std::move(plan),
                                        now_());
}

void link_core::dial_failed(const dial& what, const error& why) {
  complain(what.node, why, std::nullopt);
  if (auto* p = find(what.node); p && p->dialing == what.attempt)
    plan_dial(*p, false);
}

std::shared_ptr<link_session> link_core::accepted(link_certificate certificate) {
  link_session::plan plan{self_, timing_, link_session::role::accepts,
                          {},    0,       std::move(certificate)};
  return std::make_shared<link_session>(static_cast<link_session::owner&>(*this), std::move(plan),
                                        now_());
}

// -- who may come in --------------------------------------------------------------

std::optional<link_rejection> link_core::judge(const link_session& from, const link_hello& x) {
  auto no = [](link_refusal reason, std::string text) {
    return std::optional{link_rejection{reason, std::move(text)}};
  };
  if (stopping_)
    return no(link_refusal::shutting_down, "'" + self_.node + "' leaves");
  if (x.node == self_.node && x.incarnation == self_.incarnation)
    return no(link_refusal::wrong_node, "this is where it comes from");
  if (x.node == self_.node)
    return no(link_refusal::duplicate_node, "'" + x.node + "' is the name of this node too");
  auto accepts = from.side() == link_session::role::accepts;
  if (accepts && x.node < self_.node)
    return no(link_refusal::wrong_direction, "the node with the higher id dials");
  auto* known = find(x.node);
  if (!known)
    return no(link_refusal::unknown_node, "'" + x.node + "' is not registered");
  if (x.incarnation != known->record.incarnation) {
    if (known->link)
      return no(link_refusal::duplicate_node, "another process is linked as '" + x.node + '\'');
    return no(link_refusal::old_incarnation, "another process is registered as '" + x.node + '\'');
  }
  // A connection that was given up may arrive after the one that took its place.
  if (accepts && known->link && attempt_of(*known->link) >= x.attempt)
    return no(link_refusal::superseded, "there is a later connection");
  return std::nullopt;
}

/// @returns the peer to which the session belongs, or null if the session is not to be; then it is
/// closed.
link_core::peer* link_core::claim(link_session& from) {
  auto* p = find(from.other().node);
  if (stopping_)
    from.close(link_refusal::shutting_down, "'" + self_.node + "' leaves");
  else if (!p || p->record.incarnation != from.other().incarnation)
    from.close(link_refusal::old_incarnation, "the registration has changed");
  else if (p->link && attempt_of(*p->link) >= attempt_of(from))
    from.close(link_refusal::superseded, "there is a later connection");
  else
    return p;
  return nullptr;
}

void link_core::up(link_session& from) {
  auto* p = claim(from);
  if (!p)
    return;
  if (auto older = p->link) {
    drop(*p);
    older->close(link_refusal::superseded, "a later connection takes its place");
    report_down(*older, {ec::unavailable, "a later connection takes its place"});
    p = claim(from); // Whoever heard of that may have changed who is followed.
    if (!p)
      return;
  }
  p->link = from.shared_from_this();
  complaints_.over(from.other().node);
  ++p->ups;
  ++totals_.ups;
  log::info(log_name, "go up node={} incarnation={} version={}", from.other().node,
            from.other().incarnation, from.version());
  report_up(from);
}

void link_core::down(link_session& from, const error& why) {
  if (from.said())
    ++totals_.said[static_cast<size_t>(*from.said())];
  if (from.heard() && *from.heard() < link_refusal::link_refusal_sentinel_)
    ++totals_.heard[static_cast<size_t>(*from.heard())];
  auto node = from.side() == link_session::role::dials ? from.plan_of().wanted : from.other().node;
  auto& names = from.plan_of().certificate.names;
  // Whoever has a certificate may say why it does not like ours.
  complain(node.empty() && from.heard() && !names.empty() ? names.front() : node, why,
           from.said() ? from.said() : from.heard());
  auto* p = find(node);
  if (p && from.side() == link_session::role::dials && p->dialing == from.plan_of().attempt)
    plan_dial(*p, from.was_up() && now_() - from.up_since() >= timing_.backoff_max);
  if (!p || p->link.get() != &from)
    return;
  drop(*p);
  report_down(from, why);
}

void link_core::stop() {
  stopping_ = true;
  std::vector<std::shared_ptr<link_session>> all;
  for (auto& [node, p] : peers_)
    if (p.link)
      all.push_back(p.link);
  for (auto& link : all)
    link->close(link_refusal::shutting_down, "'" + self_.node + "' leaves");
}

// -- who is told ------------------------------------------------------------------

/// Strangers are no news. Under this node's own name there may be its former life, whose address
/// now is its own or nobody's.
void link_core::complain(const std::string& node, const error& why,
                         std::optional<link_refusal> reason) {
  using tone = link_complaints::tone;
  if (node.empty())
    return log::debug(log_name, "end a stranger, why=\"{}\"", why.detail);
  auto of_own_name = node == self_.node && reason != link_refusal::duplicate_node;
  switch (of_own_name ? tone::debug : complaints_.about(node, why.detail, reason, now_())) {
  case tone::debug:
    return log::debug(log_name, "fail node={} why=\"{}\"", node, why.detail);
  case tone::info:
    return log::info(log_name, "fail node={} why=\"{}\"", node, why.detail);
  case tone::warning:
    return log::warn(log_name, "fail node={} why=\"{}\"", node, why.detail);
  }
}

/// One of them now and then: it may be a node that somebody misses, and there may be thousands.
void link_core::stranger_lost(const error& why) {
  auto now = now_();
  if (now < strangers_again_at_)
    return log::debug(log_name, "lose a stranger, why=\"{}\"", why.detail);
  strangers_again_at_ = now + stranger_period;
  log::info(log_name, "lose a stranger, why=\"{}\"", why.detail);
}

void link_core::report_up(const link_session& x) const {
  for (auto* each : listeners_)
    each->link_up(x.other().node, x.other().incarnation, x.version());
}

void link_core::report_down(const link_session& x, const error& why) {
  ++totals_.downs;
  for (auto* each : listeners_)
    each->link_down(x.other().node, x.other().incarnation, why);
}

/// @returns the numbers of all links, the one that is up included.
link_numbers link_core::sum(const peer& p) {
  auto x = p.link ? p.link->numbers() : link_numbers{};
  x.bytes_in += p.past.bytes_in;
  x.bytes_out += p.past.bytes_out;
  x.late_answers += p.past.late_answers;
  return x;
}

void link_core::drop(peer& p) {
  p.past = sum(p);
  p.link.reset();
}

std::vector<link_peer_numbers> link_core::peer_numbers() const {
  std::vector<link_peer_numbers> all;
  for (auto& [node, p] : peers_) {
    if (node == self_.node)
      continue; // No node of the cluster.
    auto& x = all.emplace_back(link_peer_numbers{sum(p), p.link != nullptr, p.ups});
    x.link.node = node;
  }
  return all;
}

std::vector<link_numbers> link_core::numbers() const {
  std::vector<link_numbers> all;
  for (auto& [node, p] : peers_)
    if (p.link)
      all.push_back(p.link->numbers());
  return all;
}

} // namespace shoal::cluster
