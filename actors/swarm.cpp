// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm.hpp"

#include "actors/swarm_copies.hpp"
#include "actors/swarm_relay.hpp"
#include "actors/swarm_replication.hpp"
#include "core/log.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <typeinfo>
#include <utility>

namespace shoal {

namespace {

/// Sweeps without a peer after which a swarm is let go.
constexpr uint8_t deserted_sweeps_max = 2;

std::string log_name(const info_hash& hash) {
  return "swarm/" + hash.brief();
}

} // namespace

// -- recent_completers ---------------------------------------------------------

bool recent_completers::insert(uint64_t identity) {
  if (!known_.insert(identity).second)
    return false;
  order_.push_back(identity);
  if (order_.size() > capacity) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

// -- messages --------------------------------------------------------------------

swarm::swarm(caf::actor_config& cfg, info_hash hash, swarm_config* config)
    : lean_actor(cfg), hash_{hash}, config_{*config}, peers_{config->peers} {
  last_heard_ = now();
  born_ = static_cast<uint16_t>(last_heard_ / age_unit_s);
}

bool swarm::receive(caf::mailbox_element& x) {
  if (!started_)
    on_start();
  return on<announce_request, edge_actor>(x, [this](auto& req, auto& to) { on_announce(req, to); })
         || on_own<web_announce, visitor_actor>(
             x, [this](auto& r, auto& to) { on_web_announce(r, to); })
         || on_verb<atom::expire>(x, [this] { on_expire(); })
         || on<scrape_swarm>(x, [this](auto&) { return on_scrape(); })
         || on<scrape_request, edge_actor>(x, [this](auto& req, auto& to) { answer(req, to); })
         || on<paired_peers>(x, [this](auto& facts) { on_paired(facts); })
         || on<paired_traffic>(x, [this](auto& fact) { on_traffic(fact); })
         || on<restore_swarm>(x, [this](auto& image) { on_restore(image); })
         || on<web_left>(x, [this](auto& fact) { on_web_left(fact); })
         || on_verb<atom::refresh>(x, [this] { on_refresh(); })
         || on_verb<atom::clear>(x, [this] { on_clear(); })
         || on_verb<atom::evict>(x, [this] { on_evict(); })
         || on<describe_swarm>(x, [this](auto& question) { return on_describe(question); })
         || on_verb<atom::stop>(x, [this] { quit(); })
         || on_verb<atom::save>(x, [this] { return on_save(); })
         || on<replicate_swarm>(x, [this](auto& order) { return on_replicate(order); })
         || on<merge_swarm>(x, [this](auto& facts) { on_merge(facts); })
         || on_verb<atom::members>(x, [this] { return on_members(); });
}

void swarm::on_start() {
  started_ = 1;
  read_registration();
}

void swarm::on_end(const caf::error& reason) {
  auto* directory = config_.directory;
  directory->count_peers(-static_cast<int64_t>(std::exchange(published_size_, 0u)));
  // However it ends: the next announce gets a new one.
  if (directory->drop_swarm(hash_, id()) && reason && reason != caf::exit_reason::kill
      && reason != caf::exit_reason::user_shutdown)
    log::error(log_name(hash_), "ends unexpectedly reason={}", caf::to_string(reason));
}

void swarm::on_announce(const announce_request& req, const edge_actor& edge) {
  if (retired_) {
    send(config_.shards[slot_of(hash_)], req, edge);
    return;
  }
  announce_reply reply;
  reply.exchange = req.exchange;
  answer(req, reply);
  send(edge, std::move(reply));
}

bool swarm::announce_in_turn(const announce_request& req, announce_reply& reply) {
  if (retired_)
    return false;
  if (!started_)
    on_start();
  try {
    answer(req, reply);
    return true;
  } catch (const std::exception& e) {
    fail_turn(e);
    return false;
  }
}

void swarm::answer(const announce_request& req, announce_reply& reply) {
  deserted_sweeps_ = 0;
  restored_ = 0;
  last_heard_ = now();
  config_.announces.add();
  announce_input in;
  in.peer = req.peer;
  in.identity = req.identity;
  in.id = req.id;
  in.left_bytes = req.left;
  in.event = req.event;
  in.numwant = req.numwant;
  in.want_peer_ids = req.with_ids;
  in.own_family_only = req.own_family_only;
  in.no_room = config_.bounds.peers_full();
  handout out{std::move(reply.peers4), std::move(reply.peers6), std::move(reply.ids), {}};
  out.clear();
  std::vector<peer_change> changes;
  auto* to = standby();
  auto outcome
      = peers_.announce(in, last_heard_, draw(), out, to || watched() ? &changes : nullptr);
  if (to)
    replicate_announce(*to, hash_, peers_, in.identity, outcome, changes, age_s());
  if (config_.copies && in.event == announce_event::stopped)
    config_.copies->left(hash_, in.identity);
  if (web_) {
    web_->merge(changes);
    outcome.counts = counts();
  }
  publish_size();
  if (!req.user.empty())
    book_traffic(req.user,
                 {req.identity, req.peer.address.family, req.event, req.uploaded, req.downloaded});
  if (outcome.completed_now)
    note_completion(req.identity);
  note_changes(std::move(changes));
  reply.interval_s = draw_interval(outcome.counts);
  reply.complete = outcome.counts.seeders;
  reply.incomplete = outcome.counts.leechers;
  reply.downloaded = outcome.counts.completed;
  reply.peers4 = std::move(out.peers4);
  reply.peers6 = std::move(out.peers6);
  reply.ids = std::move(out.ids4 += out.ids6);
}

swarm_numbers swarm::on_scrape() const {
  auto all = counts();
  return {all.seeders, all.leechers, all.downloaders, all.completed};
}

void swarm::answer(const scrape_request& req, const edge_actor& edge) {
  send(edge, scrape_reply{req.exchange, req.index, on_scrape()});
}

void swarm::on_paired(const paired_peers& facts) {
  if (retired_) {
    send(config_.shards[slot_of(hash_)], facts);
    return;
  }
  if (!entry() || !entry()->paired || entry()->source != 0)
    return; // Said before the registration went; nobody would take it back.
  auto& all = need_primary();
  if (facts.reset)
    all.peers.drop_source(facts.source);
  all.peers.apply(facts.source, facts.changes);
  for (auto identity : facts.completed)
    note_completion(identity);
  publish_counts();
}

void swarm::on_traffic(const paired_traffic& fact) {
  if (retired_)
    send(config_.shards[slot_of(hash_)], fact);
  else
    credit(fact.user, {fact.identity, fact.family, fact.event, fact.uploaded, fact.downloaded});
}

void swarm::on_restore(const restore_swarm& image) {
  if (retired_) {
    send(config_.shards[slot_of(hash_)], image);
    return;
  }
  if (!peers_.empty())
    return; // The living know better than the snapshot.
  if (config_.directory->lookup(hash_).blocked)
    return; // Taken down after the snapshot.
  if (auto imported = peers_.import_from(image.body, now()); !imported)
    log::warn(log_name(hash_), "drops its snapshot error=\"{}\"", to_string(imported.error()));
  peers_.set_completed(std::max(image.downloaded, peers_.counts().completed));
  // What was reported after the snapshot has been booked, too, but the snapshot does not know it.
  if (!image.clean)
    peers_.forget_usage();
  restored_ = 1;
  publish_size();
  tell_all();
  read_registration();
}

void swarm::on_refresh() {
  if (retired_)
    return;
  // The torrent's other swarms are told after this one, and say again who is there.
  if (primary())
    primary()->peers = {};
  read_registration();
}

void swarm::read_registration() {
  auto found = config_.directory->registration_of(hash_);
  if (!found) {
    registered_.reset();
    return;
  }
  if (!registered_)
    registered_ = std::make_unique<registered_state>();
  registered_->entry = std::move(found);
  if (!entry()->paired || entry()->source != 0)
    registered_->primary.reset();
  peers_.set_completed(std::max(entry()->completions, peers_.counts().completed));
  if (entry()->source != 0) {
    tell_primary(true, everybody(), {});
    return;
  }
  if (entry()->paired) {
    need_primary().peers.drop_source(0);
    need_primary().peers.apply(0, everybody());
  }
  publish_counts();
}

void swarm::on_expire() {
  if (retired_)
    return;
  std::vector<peer_change> changes;
  auto* to = standby();
  peers_.expire(now(), to || watched() ? &changes : nullptr);
  if (to)
    replicate_changes(*to, hash_, peers_, changes);
  if (web_)
    web_->merge(changes);
  expire_web(changes);
  publish_size();
  note_changes(std::move(changes));
  tell_primary_anew();
  deserted_sweeps_ = deserted() ? (deserted_sweeps_ + 1) & 3 : 0;
  if (deserted_sweeps_ > deserted_sweeps_max)
    retire();
  else
    be_counted();
}

void swarm::on_evict() {
  if (retired_ || entry())
    return;
  on_clear();
  retire();
}

void swarm::on_clear() {
  std::vector<peer_change> changes;
  evict_web(changes);
  peers_.clear(entry() ? &changes : nullptr);
  if (auto* to = standby())
    cluster::replication_log::entry{*to, hash_}.cleared();
  publish_size();
  note_changes(std::move(changes));
}

restore_swarm swarm::on_save() const {
  restore_swarm image;
  image.swarm = hash_;
  image.downloaded = peers_.counts().completed;
  if (!retired_ && (!peers_.empty() || image.downloaded != 0))
    peers_.export_to(image.body, now());
  return image;
}

paired_peers swarm::on_members() const {
  paired_peers all;
  all.primary = hash_;
  all.changes = everybody();
  return all;
}

// -- helpers -----------------------------------------------------------------------

/// Good enough to spread load and to vary handouts; no secret depends on it.
uint64_t swarm::draw() {
  draws_ = (draws_ + 1) & 2047;
  return mix_bits(mix_bits(std::hash<info_hash>{}(hash_) ^ config_.peers.secret.k0)
                  ^ (uint64_t{last_heard_} << 11 | draws_));
}

/// As of the last announce, so that an announce reads the clock once.
swarm_shape swarm::shape(const swarm_counts& here) const {
  return {here.seeders, here.leechers, age_s()};
}

uint32_t swarm::age_s() const {
  return static_cast<uint16_t>(last_heard_ / age_unit_s - born_) * age_unit_s;
}

uint32_t swarm::draw_interval(const swarm_counts& here) {
  return config_.intervals.draw(shape(here), uptime_s(), draw());
}

void swarm::book_traffic(const std::string& user, const usage_report& report) {
  if (entry() && entry()->source != 0)
    send(config_.shards[slot_of(entry()->primary)],
         paired_traffic{entry()->primary, report.identity, report.family, report.event,
                        report.uploaded_bytes, report.downloaded_bytes, user});
  else
    credit(user, report);
}

void swarm::credit(const std::string& user, const usage_report& report) {
  auto delta = peers_.account(report, now());
  if (delta.uploaded_bytes != 0 || delta.downloaded_bytes != 0)
    send(config_.accounts, user_traffic{user, delta.uploaded_bytes, delta.downloaded_bytes});
}

void swarm::note_completion(uint64_t identity) {
  if (!entry())
    return;
  if (entry()->source != 0) {
    tell_primary(false, {}, {identity});
    return;
  }
  if (entry()->paired && !need_primary().completers.insert(identity))
    return;
  send(config_.registry_of(hash_), completions_counted{hash_, 1});
}

void swarm::note_changes(std::vector<peer_change> changes) {
  if (!entry() || changes.empty())
    return;
  if (entry()->source != 0) {
    tell_primary(false, std::move(changes), {});
    return;
  }
  if (entry()->paired)
    need_primary().peers.apply(0, changes);
  publish_counts();
}

void swarm::tell_primary(bool reset, std::vector<peer_change> changes,
                         std::vector<uint64_t> completed) {
  const auto& to = config_.shards[slot_of(entry()->primary)];
  paired_peers facts{entry()->primary, entry()->source, reset, {}, std::move(completed)};
  size_t sent = 0;
  do {
    auto n = std::min(changes.size() - sent, limits::paired_changes_max);
    auto first = changes.begin() + static_cast<ptrdiff_t>(sent);
    facts.changes.assign(first, first + static_cast<ptrdiff_t>(n));
    send(to, facts);
    facts.reset = false;
    facts.completed.clear();
    sent += n;
  } while (sent < changes.size());
}

/// Another node may have the primary swarm now, which then begins with nothing.
void swarm::tell_primary_anew() {
  if (!config_.others || !entry() || entry()->source == 0)
    return;
  auto place = config_.others->place_of(entry()->primary);
  if (std::exchange(registered_->told_place, place) != place)
    tell_primary(true, everybody(), {});
}

std::vector<peer_change> swarm::everybody() const {
  std::vector<peer_change> all;
  all.reserve(peers_.peers());
  peers_.for_each_identity([&](uint64_t identity, peer_state state) {
    auto to = state == peer_state::seeder ? peer_change::to::seeder : peer_change::to::leecher;
    all.push_back({identity, to});
  });
  if (web_)
    web_->for_each_identity([&](uint64_t identity, peer_state state) {
      auto to = state == peer_state::seeder ? peer_change::to::seeder : peer_change::to::leecher;
      all.push_back({identity, to});
    });
  return all;
}

void swarm::publish_counts() {
  if (!entry() || entry()->source != 0)
    return;
  if (auto* all = primary()) {
    entry()->counts->set(all->peers.seeders(), all->peers.leechers());
    return;
  }
  auto own = counts();
  entry()->counts->set(own.seeders, own.leechers);
}

void swarm::publish_size() {
  auto here = counts();
  auto size = here.seeders + here.leechers;
  if (size == published_size_)
    return; // Most announces: the shared counter stays in its cache line.
  config_.directory->count_peers(static_cast<int64_t>(size)
                                 - static_cast<int64_t>(published_size_));
  published_size_ = size;
}

bool swarm::deserted() const {
  auto* all = primary();
  return peers_.empty() && !web_ && (!all || all->peers.seeders() + all->peers.leechers() == 0);
}

swarm::primary_state& swarm::need_primary() {
  if (!registered_->primary)
    registered_->primary = std::make_unique<primary_state>();
  return *registered_->primary;
}

swarm* local_swarm(const swarm_actor& handle) {
  if (!handle)
    return nullptr;
  auto* actor = caf::actor_cast<caf::abstract_actor*>(handle);
  return typeid(*actor) == typeid(swarm) ? static_cast<swarm*>(actor) : nullptr;
}

} // namespace shoal
