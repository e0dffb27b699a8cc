// SPDX-License-Identifier: Apache-2.0
#include "actors/webseed_fetcher.hpp"

#include "actors/error.hpp"
#include "core/defaults.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"

#include <algorithm>

namespace shoal {

namespace {

using origin::failure;
using origin::failure_kind;

constexpr std::chrono::milliseconds fetcher_tick_period{250};

/// What a crash may take, whichever is less.
constexpr uint64_t unsynced_bytes_max = 64 * 1024 * 1024;
constexpr std::chrono::seconds sync_period{2};

/// Whoever was sent here a moment ago still finds the file.
constexpr std::chrono::seconds linger{5};

constexpr auto wrong_bytes = "the origin's bytes are not those that they should be";

/// In a cluster the torrents of a revision may have to come from another node first.
constexpr std::chrono::seconds pieces_patience{5};

/// Whether asking again is of no use: the origin has said what it thinks.
bool is_final(const failure& why) {
  return why.kind == failure_kind::refused || why.kind == failure_kind::redirect
         || why.kind == failure_kind::tls
         || (why.kind == failure_kind::status && why.head.status < 500);
}

} // namespace

webseed_fetcher::webseed_fetcher(caf::actor_config& cfg, webseed_side* side,
                                 piece_finder_actor pieces, pull_spec what,
                                 std::function<void(pull_over)> tell)
    : webseed_fetcher_actor::base(cfg), side_{*side}, pieces_{std::move(pieces)},
      spec_{std::move(what)}, tell_{std::move(tell)}, mail_{std::make_shared<late_mail>(
                                                          caf::actor_cast<caf::actor>(this))},
      dead_(spec_.urls.size()) {
  ++side_.pulls;
}

void webseed_fetcher::on_exit() {
  mail_->close();
  pieces_ = nullptr;
  for (auto& [number, ticket] : tickets_)
    side_.client().cancel(ticket);
  side_.readers -= readers_.size();
  side_.waiting -= waiting_.size();
  waiting_.clear();
  readers_.clear();
  if (file_ && phase_ == phase::pulling)
    side_.disk().post([file = file_] { (void)file->sync(); });
  file_.reset();
  --side_.pulls;
}

/// Runs on a thread for the disk; what the job returns comes back as an event.
template <class Job>
void webseed_fetcher::on_disk(Job job) {
  side_.disk().post([mail = mail_, job = std::move(job)] { mail->send(job()); });
}

// -- the file ------------------------------------------------------------------------------

/// Without them the file is pulled all the same, and checked at its end.
void webseed_fetcher::find_pieces() {
  // What is one chunk is held back until all of it was checked.
  auto is_short = spec_.size_bytes <= partial_spec::chunk_bytes_default;
  if (!pieces_ || !spec_.sha256 || is_short || spec_.called.id.empty())
    return open();
  auto go_on = [this](const found_piece_hashes& found) {
    if (phase_ != phase::opening)
      return; // Nobody wants it any more.
    spec_.pieces = found.pieces;
    spec_.pieces_are_sure = found.is_sure;
    open();
  };
  request(pieces_, pieces_patience,
          find_piece_hashes{spec_.called, *spec_.sha256, spec_.size_bytes})
      .then([go_on](const found_piece_hashes& x) { go_on(x); },
            [go_on](const caf::error&) {
              go_on({nullptr, false});
            });
}

void webseed_fetcher::open() {
  on_disk([side = &side_, spec = spec_] {
    pull_event made;
    made.what = pull_event::kind::opened;
    auto held = side->config().check_first_bytes;
    auto file = pulled_file::open(side->store(), side->incoming(), spec, held);
    if (file)
      made.file = std::move(*file);
    else
      made.failed = failure{failure_kind::storage, file.error(), {}, {}};
    return made;
  });
}

void webseed_fetcher::on_opened(pull_event& x) {
  if (phase_ != phase::opening)
    return; // Nobody wants it any more.
  if (x.failed)
    return end(x.failed->why);
  file_ = std::move(x.file);
  spec_.pieces = file_->spec().pieces;
  if (spec_.pieces)
    side_.by_pieces.add();
  auto& bytes = file_->bytes();
  chunk_plan_config config;
  config.size_bytes = spec_.size_bytes;
  config.chunk_bytes = bytes.chunk_bytes();
  plan_.emplace(config);
  is_begun_before_ = bytes.ready_bytes() > 0;
  phase_ = phase::pulling;
  auto now = mono_now();
  for (uint32_t chunk = 0; chunk < bytes.chunk_count(); ++chunk)
    if (bytes.has(chunk))
      plan_->arrived(chunk, now);
  log::info("webseed", "pulls key={} bytes={} there={} pieces={} url={}", spec_.key.brief(),
            spec_.size_bytes, bytes.ready_bytes(), spec_.pieces ? spec_.pieces->v2.size() : 0,
            spec_.urls.front());
  for (auto& [id, r] : readers_)
    plan_reader(r);
  auto before = std::exchange(waiting_, {});
  for (auto& [chunk, w] : before)
    waiting_.emplace(chunk_at(w.offset), std::move(w));
  serve_all();
  pump();
}

// -- asking --------------------------------------------------------------------------------

/// Whom to ask: origins that rest only if no other has the file.
std::vector<uint32_t> webseed_fetcher::sources(mono_time now) const {
  if (alone_)
    return {*alone_};
  std::vector<uint32_t> well;
  std::vector<uint32_t> resting;
  for (uint32_t source = 0; source < spec_.urls.size(); ++source)
    if (!dead_[source] && !plan_->is_barren(source))
      (side_.health().is_well(source, now) ? well : resting).push_back(source);
  return well.empty() ? resting : well;
}

void webseed_fetcher::pump() {
  if (phase_ != phase::pulling)
    return;
  if (plan_->is_whole())
    return finish();
  auto now = mono_now();
  for (auto source : sources(now))
    for (;;) {
      auto next = plan_->next(source, now);
      if (!next)
        break;
      ask_origin(*next);
    }
  auto is_hopeful = false;
  for (uint32_t source = 0; source < spec_.urls.size(); ++source)
    is_hopeful = is_hopeful || (!dead_[source] && !plan_->is_barren(source));
  if (plan_->under_way() == 0 && (!is_hopeful || plan_->is_hopeless()))
    end(last_failure_);
}

void webseed_fetcher::ask_origin(const chunk_plan::request& what) {
  tickets_[what.number] = side_.client().ask(request_for(what));
}

/// The functions run on the client's thread.
origin::request webseed_fetcher::request_for(const chunk_plan::request& what) const {
  origin::request made;
  made.url = spec_.urls[what.source];
  made.range = what.bytes;
  auto file = file_;
  auto mail = mail_;
  auto source = what.source;
  auto range = what.bytes;
  // An origin's own tag can be compared with later ones of the same place only.
  made.on_head = [file, source, range](const origin_head& head) {
    auto& spec = file->spec();
    auto known = file->tag_of(source);
    if (known.empty() && !spec.is_checkable() && !spec.etag.empty())
      known = '"' + spec.etag + '"';
    auto checked = check_part(head, {range, spec.size_bytes, known});
    if (checked)
      file->note_tag(source, head.etag);
    return checked;
  };
  auto at = std::make_shared<uint64_t>(range.first);
  made.on_body = [file, mail, range, at,
                  number = what.number](std::span<const uint8_t> bytes) -> result<void> {
    if (file->is_spoilt())
      return fail(ec::unavailable, "nobody wants it any more");
    if (bytes.size() > range.last + 1 - *at)
      return fail(ec::unavailable, "the origin sends more bytes than were asked for");
    // Chunk by chunk: that one is wrong must not hide that the one before has come.
    auto chunk_bytes = file->bytes().chunk_bytes();
    while (!bytes.empty()) {
      auto part = bytes.first(std::min<size_t>(bytes.size(), chunk_bytes - *at % chunk_bytes));
      auto whole = file->write(*at, part);
      if (!whole)
        return tl::unexpected{whole.error()};
      *at += part.size();
      bytes = bytes.subspan(part.size());
      if (whole->empty())
        continue;
      pull_event event;
      event.what = pull_event::kind::arrived;
      event.request = number;
      event.file = file;
      event.chunks = std::move(*whole);
      mail->send(std::move(event));
    }
    return {};
  };
  made.on_done = [file, mail, range, at, number = what.number](auto how) {
    pull_event event;
    event.what = pull_event::kind::ended;
    event.file = file;
    event.request = number;
    if (!how)
      event.failed = std::move(how.error());
    else if (*at != range.last + 1)
      event.failed
          = failure{failure_kind::cut, {ec::unavailable, "the origin sends too few bytes"}, {}, {}};
    mail->send(std::move(event));
  };
  return made;
}

void webseed_fetcher::on_ended(const pull_event& x) {
  if (x.file != file_)
    return; // Of what was begun anew since.
  tickets_.erase(x.request);
  if (phase_ != phase::pulling)
    return;
  auto source = plan_->source_of(x.request);
  plan_->ended(x.request, mono_now(), x.failed && x.failed->kind == failure_kind::wrong);
  if (x.failed)
    alone_.reset();
  if (source && x.failed)
    side_.health().note_failure(*source, *x.failed, mono_now());
  else if (source)
    side_.health().note_answer(*source);
  if (x.failed) {
    log::warn("webseed", "gets nothing key={} kind={} error=\"{}\"", spec_.key.brief(),
              origin::name(x.failed->kind), to_string(x.failed->why));
    // That the origin wants to know who asks says nothing about whoever asks here.
    auto is_ours = !is_client_error(x.failed->why.code);
    last_failure_ = {is_ours ? x.failed->why.code : ec::unavailable, x.failed->why.detail};
    if (x.failed->kind == failure_kind::wrong)
      last_failure_.detail = wrong_bytes;
    if (source && is_final(*x.failed))
      dead_[*source] = true;
    if (x.failed->kind == failure_kind::changed && !spec_.is_checkable()) {
      // What came before is of the old file, and nothing else could tell.
      file_->spoil();
      side_.disk().post([file = file_] { file->discard(); });
      return end({ec::unavailable, "the origin's file has changed while it was read"});
    }
    if (x.failed->kind == failure_kind::storage)
      return end(x.failed->why);
  }
  pump();
}

void webseed_fetcher::on_event(pull_event& x) {
  switch (x.what) {
  case pull_event::kind::opened:
    return on_opened(x);
  case pull_event::kind::arrived:
    if (phase_ != phase::pulling || x.file != file_)
      return;
    if (auto source = plan_->source_of(x.request))
      gave_.insert(*source);
    for (auto chunk : x.chunks) {
      plan_->arrived(chunk, mono_now());
      serve(chunk);
    }
    sync_some();
    return pump();
  case pull_event::kind::ended:
    return on_ended(x);
  case pull_event::kind::finished:
    return on_finished(x);
  case pull_event::kind::synced:
    syncing_ = false;
  }
}

// -- the disk, and the end -------------------------------------------------------------------

void webseed_fetcher::sync_some() {
  auto unsynced = file_->bytes().unsynced_bytes();
  auto now = mono_now();
  if (syncing_ || unsynced == 0
      || (unsynced < unsynced_bytes_max && now - synced_at_ < sync_period))
    return;
  syncing_ = true;
  synced_at_ = now;
  on_disk([file = file_] {
    pull_event event;
    event.what = pull_event::kind::synced;
    (void)file->sync(); // What it forgets is found missing when the file is finished.
    return event;
  });
}

void webseed_fetcher::finish() {
  phase_ = phase::finishing;
  on_disk([file = file_] {
    pull_event event;
    event.what = pull_event::kind::finished;
    if (auto object = file->finish())
      event.object = *object;
    else
      event.failed = failure{failure_kind::storage, object.error(), {}, {}};
    return event;
  });
}

void webseed_fetcher::on_finished(const pull_event& x) {
  if (x.failed) {
    auto why = x.failed->why;
    if (why.code == ec::hash_mismatch) {
      note_wrong();
      why = {ec::unavailable, wrong_bytes};
      if (may_begin_anew())
        return begin_anew();
    }
    return end(why);
  }
  phase_ = phase::done;
  done_at_ = mono_now();
  side_.pulled.add();
  log::info("webseed", "has pulled key={} object={}", spec_.key.brief(), x.object->brief());
  // First, so that whoever has been served and asks again finds the object.
  tell_({std::make_shared<const pull_spec>(spec_), x.object, std::nullopt});
  serve_all();
}

/// Where it is known who has given what is wrong, that is held against them.
void webseed_fetcher::note_wrong() {
  side_.wrong.add();
  if (gave_.size() == 1 && !is_begun_before_)
    side_.health().note_failure(*gave_.begin(),
                                {failure_kind::wrong, {ec::unavailable, {}}, {}, {}}, mono_now());
}

/// Nobody has seen a byte of it, so that nobody would get parts of two files.
bool webseed_fetcher::may_begin_anew() const {
  return file_->is_held() && !is_second_try_ && !(is_stopped_ && readers_.empty());
}

/// Once more, and from one origin alone as long as it does not fail: of what came from several
/// nobody can tell which was wrong. What an earlier pull has left is nobody's for certain.
void webseed_fetcher::begin_anew() {
  log::warn("webseed", "begins anew key={} readers={} error=\"{}\"", spec_.key.brief(),
            readers_.size(), wrong_bytes);
  is_second_try_ = true;
  auto now = mono_now();
  auto best = 4;
  for (uint32_t source = 0; source < spec_.urls.size(); ++source) {
    auto had_part = gave_.contains(source) && !is_begun_before_;
    auto rank = (had_part ? 2 : 0) + (side_.health().is_well(source, now) ? 0 : 1);
    if (!dead_[source] && rank < best) {
      best = rank;
      alone_ = source;
    }
  }
  gave_.clear();
  for (auto& [number, ticket] : std::exchange(tickets_, {}))
    side_.client().cancel(ticket);
  file_.reset();
  plan_.reset();
  for (auto& [id, r] : readers_)
    r.is_planned = false;
  phase_ = phase::opening;
  open();
}

void webseed_fetcher::end(error why) {
  phase_ = phase::failed;
  done_at_ = mono_now();
  why_ = std::move(why);
  side_.failed.add();
  log::warn("webseed", "gives up key={} readers={} error=\"{}\"", spec_.key.brief(),
            readers_.size(), to_string(why_));
  for (auto& [number, ticket] : tickets_)
    side_.client().cancel(ticket);
  if (file_)
    side_.disk().post([file = file_] {
      if (!file->is_spoilt())
        (void)file->sync();
    });
  serve_all();
  tell_({std::make_shared<const pull_spec>(spec_), std::nullopt, why_});
}

void webseed_fetcher::on_tick() {
  auto now = mono_now();
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second.until > now) {
      ++it;
      continue;
    }
    answer(it->second);
    it = waiting_.erase(it);
    --side_.waiting;
  }
  if (phase_ == phase::pulling)
    sync_some();
  pump();
  refuse_stuck();
  auto is_over = phase_ == phase::done || phase_ == phase::failed;
  if (is_over && now - done_at_ > linger && waiting_.empty())
    return quit();
  delayed_send(this, fetcher_tick_period, atom::tick::value);
}

webseed_fetcher::behavior_type webseed_fetcher::make_behavior() {
  find_pieces();
  delayed_send(this, fetcher_tick_period, atom::tick::value);
  return {
      [this](const read_pull& x) { return on_read(x); },
      [this](const leave_pull& x) { on_leave(x); },
      [this](atom::stop) {
        is_stopped_ = true;
        if (readers_.empty() && (phase_ == phase::opening || phase_ == phase::pulling))
          end({ec::unavailable, "nobody wants it any more"});
      },
      [this](pull_event& x) { on_event(x); },
      [this](atom::tick) { on_tick(); },
  };
}

} // namespace shoal
