// SPDX-License-Identifier: Apache-2.0
#include "actors/webseed.hpp"

#include "actors/error.hpp"
#include "actors/origin_names.hpp"
#include "actors/webseed_fetcher.hpp"
#include "core/defaults.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"
#include "protocol/git_identity.hpp"

namespace shoal {

namespace {

using origin::failure_kind;

constexpr std::chrono::milliseconds webseed_tick_period{100};
constexpr std::chrono::seconds missing_lifetime{10};  ///< Of "there is none".
constexpr std::chrono::seconds pinned_lifetime{3600}; ///< A commit's files never change.
constexpr std::chrono::seconds failure_lifetime{2};   ///< Of a pull: readers come in crowds.
constexpr std::chrono::milliseconds round_pause{500};
constexpr unsigned rounds_max = 3;

bool is_pointless(const origin::failure& why) {
  return why.kind == failure_kind::refused || why.kind == failure_kind::redirect
         || why.kind == failure_kind::tls || why.kind == failure_kind::cancelled;
}

} // namespace

webseed::webseed(caf::actor_config& cfg, webseed_side* side, piece_finder_actor pieces)
    : webseed_actor::base(cfg), side_{*side}, pieces_{std::move(pieces)},
      mail_{std::make_shared<late_mail>(caf::actor_cast<caf::actor>(this))},
      notes_{std::make_shared<work_chain>(side->disk())}, lister_{*side, mail_} {}

void webseed::on_exit() {
  mail_->close();
  tell_ = nullptr;
  pieces_ = nullptr;
  pulls_.clear();
  lookups_.clear();
  lister_.close();
}

// -- what origins have -----------------------------------------------------------------------

/// What the pull of a file has found out stands under its commit.
void webseed::complete(const origin_name& name, origin_file& file) const {
  auto& what = file.what;
  if (!file.found || what.sha256 || what.commit.empty())
    return;
  auto pinned = name;
  pinned.rev = what.commit;
  auto text = text_of(pinned);
  if (auto lately = known_.find(text); lately != known_.end() && lately->second.file.found)
    what.sha256 = lately->second.file.what.sha256;
  else if (auto record = side_.book().find(text))
    what.sha256 = record->sha256;
}

std::optional<origin_file> webseed::remembered(const origin_name& name, const std::string& text) {
  auto found = known_.find(text);
  if (found != known_.end() && found->second.until > mono_now())
    return found->second.file;
  auto record = side_.book().find(text);
  if (!record
      || (!is_commit_id(name.rev)
          && unix_now() - record->checked_at >= side_.config().fresh.count()))
    return std::nullopt;
  return origin_file{true, {}, std::move(*record), false};
}

webseed::found_promise webseed::on_find(const find_origin_file& ask) {
  auto answer = make_response_promise<found_promise>();
  if (!is_sound(ask.name) || !side_.config().covers(ask.name.id)) {
    answer.deliver(to_caf({ec::unsupported, "no origin is asked for this"}));
    return answer;
  }
  auto text = text_of(ask.name);
  if (auto file = remembered(ask.name, text)) {
    complete(ask.name, *file);
    answer.deliver(std::move(*file));
    return answer;
  }
  if (auto running = lookups_.find(text); running != lookups_.end()) {
    running->second.waiting.push_back(answer);
    return answer;
  }
  if (lookups_.size() >= limits::webseed_lookups_max) {
    answer.deliver(to_caf({ec::busy, "too many questions to origins"}));
    return answer;
  }
  auto& made = lookups_[text];
  made.name = ask.name;
  made.waiting.push_back(answer);
  ask_origin(made, text);
  return answer;
}

void webseed::ask_origin(lookup& l, const std::string& text) {
  side_.lookups.add();
  l.again_at.reset();
  origin::request made;
  made.what = origin::request::verb::head;
  if (l.base == 0)
    l.order = side_.health().order(mono_now());
  made.url = resolve_url(side_.config().base_urls[l.order[l.base]], l.name);
  made.stops_at_linked = true;
  made.on_done = [mail = mail_, text](auto how) {
    origin_answer x;
    x.name = text;
    if (how)
      x.head = std::move(how->head);
    else
      x.failed = std::move(how.error());
    mail->send(std::move(x));
  };
  side_.client().ask(std::move(made));
}

void webseed::on_answer(const origin_answer& x) {
  auto found = lookups_.find(x.name);
  if (found == lookups_.end())
    return;
  auto& l = found->second;
  if (x.failed)
    return on_failure(l, x);
  side_.health().note_answer(l.order[l.base]);
  auto record = record_of(x.head, unix_now());
  if (!record)
    return settle(x.name, tl::unexpected{record.error()}, {});
  recognise(x.name, *record);
  note(x.name, *record);
  if (!record->commit.empty() && record->commit != l.name.rev) {
    auto pinned = l.name;
    pinned.rev = record->commit;
    auto text = text_of(pinned);
    auto same = *record;
    recognise(text, same);
    if (!side_.book().find(text))
      note(text, same);
  }
  auto lifetime = is_commit_id(l.name.rev) ? pinned_lifetime : side_.config().fresh;
  settle(x.name, origin_file{true, {}, std::move(*record), false}, lifetime);
}

/// What this node has found out of a file still holds if the origin says that it is the same one:
/// by its tag and, if it is a hub, its commit. A pull may be over before the answer to a question
/// that was asked when it began.
void webseed::recognise(const std::string& text, origin_record& what) const {
  if (what.sha256 || what.etag.empty())
    return;
  std::optional<origin_record> before;
  if (auto lately = known_.find(text); lately != known_.end() && lately->second.file.found)
    before = lately->second.file.what;
  else
    before = side_.book().find(text);
  if (before && before->commit == what.commit && before->etag == what.etag
      && before->size_bytes == what.size_bytes)
    what.sha256 = before->sha256;
}

void webseed::note(const std::string& text, const origin_record& what) {
  notes_->post([side = &side_, text, what] {
    if (auto put = side->book().put(text, what); !put)
      log::error("webseed", "cannot note what an origin has error=\"{}\"", to_string(put.error()));
  });
}

void webseed::on_failure(lookup& l, const origin_answer& x) {
  auto& why = *x.failed;
  side_.health().note_failure(l.order[l.base], why, mono_now());
  auto is_last = l.base + 1 >= l.order.size();
  if (says_no(why) && is_last) {
    origin_file none;
    none.error_code = why.head.error_code;
    none.what.commit = why.head.repo_commit;
    return settle(x.name, std::move(none), missing_lifetime);
  }
  log::warn("webseed", "learns nothing name={} kind={} error=\"{}\"", x.name,
            origin::name(why.kind), to_string(why.why));
  if (!is_last) {
    ++l.base;
    return ask_origin(l, x.name);
  }
  if (!is_pointless(why) && ++l.round < rounds_max) {
    l.base = 0;
    l.again_at = mono_now() + round_pause * l.round;
    return;
  }
  auto old = side_.book().find(x.name);
  if (!old)
    return settle(x.name, tl::unexpected{why.why}, {});
  side_.stale.add();
  settle(x.name, origin_file{true, {}, std::move(*old), true}, missing_lifetime);
}

/// @param lifetime of the answer; zero: the next one asks anew.
void webseed::settle(const std::string& text, result<origin_file> how,
                     std::chrono::seconds lifetime) {
  auto over = lookups_.extract(text);
  if (how && lifetime.count() > 0) {
    if (known_.size() >= limits::webseed_known_max)
      known_.clear(); // The book knows them still.
    known_[text] = {*how, mono_now() + lifetime};
  }
  if (how)
    complete(over.mapped().name, *how);
  for (auto& waiting : over.mapped().waiting)
    if (how)
      waiting.deliver(*how);
    else
      waiting.deliver(to_caf(how.error()));
}

origin_lister::promise webseed::on_list(const list_origin& ask) {
  auto answer = make_response_promise<origin_lister::promise>();
  if (is_sound_revision(ask.name) && side_.config().covers(ask.name.id))
    lister_.list(ask.name, answer);
  else
    answer.deliver(to_caf({ec::unsupported, "no origin is asked for this"}));
  return answer;
}

// -- pulls -----------------------------------------------------------------------------------

/// The book learns what a file has become a little after its pull is over.
std::optional<sha256_digest> webseed::came_lately(const pull_spec& what) const {
  auto found = what.commit.empty() ? known_.end() : known_.find(what.name);
  if (found == known_.end() || !found->second.file.found)
    return std::nullopt;
  auto& lately = found->second.file.what;
  if (!lately.sha256 || lately.etag != what.etag
      || side_.store().size(*lately.sha256) != what.size_bytes)
    return std::nullopt;
  return lately.sha256;
}

webseed::pull_promise webseed::on_open(open_pull& ask) {
  auto answer = make_response_promise<pull_promise>();
  auto key = ask.what.key;
  if (auto failed = failed_.find(key); failed != failed_.end()) {
    answer.deliver(to_caf(failed->second.why));
    return answer;
  }
  auto found = pulls_.find(key);
  if (found == pulls_.end()) {
    if (auto object = came_lately(ask.what)) {
      answer.deliver(opened_pull{{}, object});
      return answer;
    }
    if (pulls_.size() >= limits::webseed_pulls_max) {
      answer.deliver(to_caf({ec::busy, "too many files are on their way"}));
      return answer;
    }
    auto tell = [mail = mail_](pull_over x) { mail->send(std::move(x)); };
    // Linked: those that are done and only linger end with this one, too.
    auto fetcher = spawn<webseed_fetcher, caf::linked>(&side_, pieces_, std::move(ask.what), tell);
    found = pulls_.emplace(key, std::move(fetcher)).first;
  }
  answer.deliver(opened_pull{found->second, std::nullopt});
  return answer;
}

void webseed::on_over(const pull_over& x) {
  auto& pulled = *x.what;
  pulls_.erase(pulled.key);
  if (x.failed)
    failed_[pulled.key] = {*x.failed, mono_now() + failure_lifetime};
  auto is_pinned = !pulled.commit.empty();
  if (pulled.name.empty() || (x.failed && is_pinned))
    return;
  // A name that may mean another file by now is looked up again.
  origin_record record{pulled.size_bytes, pulled.etag,     pulled.commit,
                       x.object,          pulled.git_blob, x.failed ? 0 : unix_now()};
  note(pulled.name, record);
  known_.erase(pulled.name);
  if (x.failed)
    return;
  // The book learns it a little later.
  auto lifetime = is_pinned ? pinned_lifetime : side_.config().fresh;
  known_[pulled.name] = {{true, {}, record, false}, mono_now() + lifetime};
  auto name = tell_ ? name_with_commit(pulled.name) : std::nullopt;
  if (name)
    tell_(std::move(*name), std::move(record));
}

void webseed::on_tick() {
  auto now = mono_now();
  std::erase_if(failed_, [&](auto& x) { return x.second.until <= now; });
  for (auto& [text, l] : lookups_)
    if (l.again_at && *l.again_at <= now)
      ask_origin(l, text);
  delayed_send(this, webseed_tick_period, atom::tick::value);
}

webseed::behavior_type webseed::make_behavior() {
  delayed_send(this, webseed_tick_period, atom::tick::value);
  return {
      [this](const find_origin_file& x) { return on_find(x); },
      [this](open_pull& x) { return on_open(x); },
      [this](const list_origin& x) { return on_list(x); },
      [this](watch_pulls& x) { tell_ = std::move(x.tell); },
      [this](const pull_over& x) { on_over(x); },
      [this](const origin_answer& x) { on_answer(x); },
      [this](listing_page& x) { lister_.on_page(x); },
      [this](atom::tick) { on_tick(); },
  };
}

} // namespace shoal
