// SPDX-License-Identifier: Apache-2.0
#include "actors/swarm.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <utility>

namespace shoal {

namespace {

/// Sweeps without a peer after which a swarm is let go.
constexpr uint8_t deserted_sweeps_max = 2;

/// How long a swarm that left the directory waits for messages of senders that looked it up before.
constexpr std::chrono::seconds farewell{5};

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

swarm::swarm(caf::actor_config& cfg, info_hash hash, const swarm_config* config)
    : swarm_actor::base(cfg), hash_{hash}, config_{*config}, peers_{config->peers},
      random_{static_cast<std::minstd_rand::result_type>(std::hash<info_hash>{}(hash) ^ id())} {}

void swarm::on_announce(const announce_request& req, const edge_actor& edge) {
  if (retired_) {
    send(config_.shards[slot_of(hash_)], req, edge);
    return;
  }
  deserted_sweeps_ = 0;
  announce_input in;
  in.peer = req.peer;
  in.identity = req.identity;
  in.id = req.id;
  in.left_bytes = req.left;
  in.event = req.event;
  in.numwant = req.numwant;
  in.want_peer_ids = req.with_ids;
  in.own_family_only = req.own_family_only;
  handout out;
  changes_.clear();
  auto random = uint64_t{random_()} << 32 | random_();
  auto outcome = peers_.announce(in, now(), random, out, entry_ ? &changes_ : nullptr);
  publish_size();
  if (!req.user.empty())
    book_traffic(req);
  if (outcome.completed_now)
    note_completion(req.identity);
  note_changes();
  announce_reply reply;
  reply.exchange = req.exchange;
  reply.interval_s = draw_interval();
  reply.complete = outcome.counts.seeders;
  reply.incomplete = outcome.counts.leechers;
  reply.downloaded = outcome.counts.completed;
  reply.peers4 = std::move(out.peers4);
  reply.peers6 = std::move(out.peers6);
  if (req.with_ids)
    reply.ids = out.ids4 + out.ids6;
  send(edge, std::move(reply));
}

swarm_numbers swarm::on_scrape() const {
  auto counts = peers_.counts();
  return {counts.seeders, counts.leechers, counts.downloaders, counts.completed};
}

void swarm::answer(const scrape_request& req, const edge_actor& edge) {
  send(edge, scrape_reply{req.exchange, req.index, on_scrape()});
}

void swarm::on_paired(const paired_peers& facts) {
  if (retired_) {
    send(config_.shards[slot_of(hash_)], facts);
    return;
  }
  if (!entry_ || !entry_->paired || entry_->source != 0)
    return; // Said before the registration went; nobody would take it back.
  auto& all = primary();
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
  publish_size();
  read_registration();
}

void swarm::on_refresh() {
  if (retired_)
    return;
  // The torrent's other swarms are told after this one, and say again who is there.
  if (primary_)
    primary_->peers = {};
  read_registration();
}

void swarm::read_registration() {
  entry_ = config_.directory->registration_of(hash_);
  if (!entry_ || !entry_->paired || entry_->source != 0)
    primary_.reset();
  if (!entry_)
    return;
  peers_.set_completed(std::max(entry_->completions, peers_.counts().completed));
  if (entry_->source != 0) {
    tell_primary(true, everybody(), {});
    return;
  }
  if (entry_->paired) {
    primary().peers.drop_source(0);
    primary().peers.apply(0, everybody());
  }
  publish_counts();
}

void swarm::on_expire() {
  if (retired_)
    return;
  changes_.clear();
  peers_.expire(now(), entry_ ? &changes_ : nullptr);
  publish_size();
  note_changes();
  deserted_sweeps_ = deserted() ? static_cast<uint8_t>(deserted_sweeps_ + 1) : uint8_t{0};
  if (deserted_sweeps_ <= deserted_sweeps_max)
    return;
  retired_ = true;
  config_.directory->drop_swarm(hash_, id());
  delayed_send(this, farewell, atom::stop::value);
}

void swarm::on_clear() {
  changes_.clear();
  peers_.clear(entry_ ? &changes_ : nullptr);
  publish_size();
  note_changes();
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

uint32_t swarm::draw_interval() {
  auto spread = config_.interval_s * config_.jitter_percent / 100;
  if (spread == 0)
    return config_.interval_s;
  std::uniform_int_distribution<uint32_t> draw{config_.interval_s - spread,
                                               config_.interval_s + spread};
  return draw(random_);
}

void swarm::book_traffic(const announce_request& req) {
  usage_report report{req.identity, req.peer.address.family, req.event, req.uploaded,
                      req.downloaded};
  if (entry_ && entry_->source != 0)
    send(config_.shards[slot_of(entry_->primary)],
         paired_traffic{entry_->primary, report.identity, report.family, report.event,
                        report.uploaded_bytes, report.downloaded_bytes, req.user});
  else
    credit(req.user, report);
}

void swarm::credit(const std::string& user, const usage_report& report) {
  auto delta = peers_.account(report, now());
  if (delta.uploaded_bytes != 0 || delta.downloaded_bytes != 0)
    send(config_.accounts, user_traffic{user, delta.uploaded_bytes, delta.downloaded_bytes});
}

void swarm::note_completion(uint64_t identity) {
  if (!entry_)
    return;
  if (entry_->source != 0) {
    tell_primary(false, {}, {identity});
    return;
  }
  if (entry_->paired && !primary().completers.insert(identity))
    return;
  send(config_.registry_of(hash_), completions_counted{hash_, 1});
}

void swarm::note_changes() {
  if (!entry_ || changes_.empty())
    return;
  if (entry_->source != 0) {
    tell_primary(false, std::exchange(changes_, {}), {});
    return;
  }
  if (entry_->paired)
    primary().peers.apply(0, changes_);
  publish_counts();
}

void swarm::tell_primary(bool reset, std::vector<peer_change> changes,
                         std::vector<uint64_t> completed) {
  const auto& to = config_.shards[slot_of(entry_->primary)];
  paired_peers facts{entry_->primary, entry_->source, reset, {}, std::move(completed)};
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

std::vector<peer_change> swarm::everybody() const {
  std::vector<peer_change> all;
  all.reserve(peers_.peers());
  peers_.for_each_identity([&](uint64_t identity, peer_state state) {
    auto to = state == peer_state::seeder ? peer_change::to::seeder : peer_change::to::leecher;
    all.push_back({identity, to});
  });
  return all;
}

void swarm::publish_counts() {
  if (!entry_ || entry_->source != 0)
    return;
  if (primary_) {
    entry_->counts->set(primary_->peers.seeders(), primary_->peers.leechers());
    return;
  }
  auto counts = peers_.counts();
  entry_->counts->set(counts.seeders, counts.leechers);
}

void swarm::publish_size() {
  auto size = peers_.peers();
  if (size == published_size_)
    return; // Most announces: the shared counter stays in its cache line.
  config_.directory->count_peers(static_cast<int64_t>(size)
                                 - static_cast<int64_t>(published_size_));
  published_size_ = size;
}

bool swarm::deserted() const {
  return peers_.empty()
         && (!primary_ || primary_->peers.seeders() + primary_->peers.leechers() == 0);
}

swarm::primary_state& swarm::primary() {
  if (!primary_)
    primary_ = std::make_unique<primary_state>();
  return *primary_;
}

void swarm::on_exit() {
  config_.directory->count_peers(-static_cast<int64_t>(std::exchange(published_size_, 0)));
}

// -- behaviour -----------------------------------------------------------------------

swarm::behavior_type swarm::make_behavior() {
  read_registration();
  return {
      [this](const announce_request& req, const edge_actor& edge) { on_announce(req, edge); },
      [this](const scrape_swarm&) { return on_scrape(); },
      [this](const scrape_request& req, const edge_actor& edge) { answer(req, edge); },
      [this](const paired_peers& facts) { on_paired(facts); },
      [this](const paired_traffic& fact) { on_traffic(fact); },
      [this](const restore_swarm& image) { on_restore(image); },
      [this](atom::refresh) { on_refresh(); },
      [this](atom::expire) { on_expire(); },
      [this](atom::clear) { on_clear(); },
      [this](atom::stop) { quit(); },
      [this](atom::save) { return on_save(); },
      [this](atom::members) { return on_members(); },
  };
}

} // namespace shoal
