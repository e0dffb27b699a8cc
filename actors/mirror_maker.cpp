// SPDX-License-Identifier: Apache-2.0
#include "actors/mirror_maker.hpp"

#include "actors/error.hpp"
#include "actors/mirror_survey.hpp"
#include "actors/origin_names.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <random>

namespace shoal {

namespace {

constexpr std::chrono::milliseconds tick_period{250};

/// Of questions that origins, other nodes and the disk take part in.
constexpr std::chrono::seconds patience{60};

/// Until a commit whose registration failed is tried again; each time twice as long.
constexpr std::chrono::seconds retry_pause{10};
constexpr unsigned failures_max = 6;

/// The book of origins learns a little after the readers that a file has come whole.
constexpr unsigned surveys_max = 3;
constexpr std::chrono::milliseconds survey_pause{300};

} // namespace

std::string_view name(mirror_outcome how) {
  constexpr std::array<std::string_view, static_cast<size_t>(mirror_outcome::sentinel_)> names{
      "made", "there", "incomplete", "restricted", "refused", "failed"};
  return names[static_cast<size_t>(how)];
}

mirror_maker::mirror_maker(caf::actor_config& cfg, mirror_maker_config config)
    : mirror_maker_actor::base(cfg), config_{std::move(config)},
      mail_{std::make_shared<late_mail>(caf::actor_cast<caf::actor>(this))} {
  for (size_t i = 0; i < ends_.size(); ++i)
    ends_[i] = &config_.metrics->add_counter(
        "shoal_mirrors_total", "Commits of origins that were looked at, by what became of them",
        "result=" + metrics::quoted(shoal::name(static_cast<mirror_outcome>(i))));
  config_.metrics->add_reader("shoal_mirrors_waiting", "Commits of origins that may be registered",
                              "", [count = count_] { return double(count->load()); });
}

void mirror_maker::on_exit() {
  leaving_->store(true);
  mail_->close();
  waiting_.clear();
  now_.reset();
  let_go();
  config_.webseed = nullptr;
  config_.catalog = nullptr;
  config_.replicator = nullptr;
  config_.registry_of = {};
}

// -- what is to be looked at -------------------------------------------------------------------

void mirror_maker::on_pulled(const file_pulled& x) {
  auto text = revision_text(x.name);
  if (!waiting_.contains(text) && waiting_.size() >= limits::mirrors_waiting_max)
    return; // Its next file, or whoever asks for it, brings it back.
  auto& noted = waiting_[text];
  noted.name = x.name;
  noted.due = mono_now() + config_.quiet;
  *count_ = waiting_.size();
}

mirror_maker::promise mirror_maker::on_make(const make_mirror& ask) {
  auto answer = make_response_promise<promise>();
  auto text = revision_text(ask.name);
  if (!is_sound_revision(ask.name)) {
    answer.deliver(mirror_made{mirror_outcome::refused});
  } else if (!waiting_.contains(text) && waiting_.size() >= limits::mirrors_waiting_max) {
    answer.deliver(to_caf({ec::busy, "too many commits wait to be registered"}));
  } else {
    auto& noted = waiting_[text];
    noted.name = ask.name;
    noted.due = mono_now();
    noted.waiting.push_back(answer);
    on_tick();
  }
  return answer;
}

void mirror_maker::on_tick() {
  if (now_)
    return;
  auto first = std::min_element(waiting_.begin(), waiting_.end(),
                                [](auto& a, auto& b) { return a.second.due < b.second.due; });
  if (first == waiting_.end() || first->second.due > mono_now())
    return;
  now_ = std::move(first->second);
  waiting_.erase(first);
  *count_ = waiting_.size();
  look_up();
}

/// Whoever asks for a mirror has just seen its last file come: it is looked for again.
void mirror_maker::find_incomplete() {
  if (now_->waiting.empty() || ++now_->surveys >= surveys_max)
    return end(mirror_outcome::incomplete);
  auto again = std::move(*now_);
  now_.reset();
  again.due = mono_now() + survey_pause;
  auto& noted = waiting_[revision_text(again.name)];
  std::move(noted.waiting.begin(), noted.waiting.end(), std::back_inserter(again.waiting));
  noted = std::move(again);
  *count_ = waiting_.size();
}

void mirror_maker::end(mirror_outcome how) {
  ends_[static_cast<size_t>(how)]->add();
  auto over = std::move(*now_);
  now_.reset();
  files_.reset();
  let_go();
  for (auto& waiting : over.waiting)
    waiting.deliver(mirror_made{how});
  auto text = revision_text(over.name);
  if (how != mirror_outcome::incomplete && how != mirror_outcome::there)
    log::info("mirrors", "has looked at a commit name={} result={}", text, shoal::name(how));
  if (how == mirror_outcome::failed && ++over.failures < failures_max && !waiting_.contains(text)) {
    over.waiting.clear();
    over.due = mono_now() + retry_pause * (1 << (over.failures - 1));
    waiting_[text] = std::move(over);
    *count_ = waiting_.size();
  }
}

void mirror_maker::end_with(const error& why) {
  log::warn("mirrors", "cannot register a commit name={} error=\"{}\"", revision_text(now_->name),
            to_string(why));
  end(is_client_error(why.code) && why.code != ec::busy ? mirror_outcome::refused
                                                        : mirror_outcome::failed);
}

/// What nothing is going to name. Unpinning waits for the disk.
void mirror_maker::let_go() {
  if (made_)
    config_.side->hashing().post([made = std::exchange(made_, nullptr)] {});
}

/// Runs on the thread for whole revisions; what the job returns comes back as a step.
template <class Job>
void mirror_maker::on_disk(Job job) {
  config_.side->hashing().post(
      [mail = mail_, job = std::move(job)]() mutable { mail->send(job()); });
}

// -- one commit ----------------------------------------------------------------------------------

void mirror_maker::look_up() {
  auto& name = now_->name;
  if (!config_.side->config().covers(name.id))
    return end(mirror_outcome::refused);
  resolve_name ask{{name.id, name.kind, true}, name.rev};
  request(config_.catalog, patience, std::move(ask))
      .then(
          [this](const resolved_name& x) {
            if (x.revision_known)
              end(mirror_outcome::there);
            else if (x.repository_known)
              check_openness();
            else
              list();
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

/// A model that is only privately here is nobody's business at an origin, and the other way round.
void mirror_maker::check_openness() {
  auto& name = now_->name;
  resolve_name ask{{name.id, name.kind, false}, "main"};
  request(config_.catalog, patience, std::move(ask))
      .then(
          [this](const resolved_name& x) {
            if (x.repository_known)
              list();
            else
              end(mirror_outcome::refused);
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

void mirror_maker::list() {
  request(config_.webseed, patience, list_origin{now_->name})
      .then(
          [this](const origin_listing& x) {
            if (x.found && x.commit == now_->name.rev)
              survey(x);
            else
              end(mirror_outcome::refused);
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

void mirror_maker::survey(const origin_listing& listing) {
  on_disk([side = config_.side, name = now_->name, listing] {
    mirror_step made;
    made.what = mirror_step::kind::surveyed;
    auto files = survey_mirror(*side, name, listing);
    if (files)
      made.files = std::move(*files);
    else
      made.failed = files.error();
    return made;
  });
}

/// What an origin gives to a token of ours alone is not to be known to everybody (ADR 30).
void mirror_maker::judge() {
  auto& config = config_.side->config();
  if (config.client.tokens.empty() || config.mirror_restricted)
    return build();
  ask_openly();
}

/// Hubs guard the big files, if any.
void mirror_maker::ask_openly() {
  auto& all = files_->files;
  auto name = now_->name;
  name.path = std::max_element(all.begin(), all.end(), [](auto& a, auto& b) {
                return a.size_bytes < b.size_bytes;
              })->path;
  origin::request made;
  made.what = origin::request::verb::head;
  made.url = resolve_url(config_.side->config().base_urls.front(), name);
  made.stops_at_linked = true;
  made.anonymous = true;
  made.on_done = [mail = mail_](auto how) {
    mirror_step x;
    x.what = mirror_step::kind::judged;
    x.is_open = how.has_value();
    if (!how && !says_no(how.error()))
      x.failed = error{ec::unavailable, how.error().why.detail};
    mail->send(std::move(x));
  };
  config_.side->client().ask(std::move(made));
}

void mirror_maker::build() {
  auto work = [side = config_.side, claims = config_.claims, files = *files_, leaving = leaving_] {
    mirror_step x;
    x.what = mirror_step::kind::made;
    hash_options options;
    options.workers = 1; // Nobody waits for it.
    options.cancelled = leaving.get();
    auto made = build_mirror(*side, *claims, files, options);
    if (made)
      x.made = std::move(*made);
    else
      x.failed = made.error();
    return x;
  };
  on_disk(std::move(work));
}

/// In a cluster: a record must not name a manifest that dies with this node.
void mirror_maker::copy_out(bool is_first) {
  if (!config_.replicator)
    return enlist();
  if (is_first) {
    ticket_ = std::random_device{}() | uint64_t{std::random_device{}()} << 32;
    copies_until_ = mono_now() + patience;
  }
  copy_objects ask{ticket_, {}};
  auto& m = made_->what.content;
  auto& store = config_.side->store();
  if (is_first) {
    ask.objects.push_back({made_->manifest, store.size(made_->manifest).value_or(0)});
    for (auto& torrent : m.torrents)
      ask.objects.push_back({torrent.object, store.size(torrent.object).value_or(0)});
  }
  request(config_.replicator, patience, std::move(ask))
      .then(
          [this](const copy_state& x) {
            if (x.done)
              enlist();
            else if (mono_now() < copies_until_)
              copy_out(false);
            else
              end(mirror_outcome::failed);
          },
          [this](const caf::error& why) { end_with(from_caf(why)); });
}

void mirror_maker::enlist() {
  auto message = to_message(made_->what, made_->manifest);
  message.what.is_mirror = true;
  auto shard = config_.registry_of(message.entry.hashes.primary_swarm());
  request(shard, patience, std::move(message))
      .then([this](const registry_entry&) { settle(); },
            [this](const caf::error& why) { end_with(from_caf(why)); });
}

/// The record names now what was held for it.
void mirror_maker::settle() {
  on_disk([claims = config_.claims, made = std::exchange(made_, nullptr)]() mutable {
    auto& m = made->what.content;
    auto settled = claims->settle_revision(ref_key(m.id, m.rev));
    if (!settled || !*settled)
      made->hold.keep();
    made.reset(); // Lets go of it before anybody hears that it is done.
    mirror_step x;
    x.what = mirror_step::kind::settled;
    if (!settled)
      x.failed = settled.error();
    return x;
  });
}

void mirror_maker::on_step(mirror_step& x) {
  if (!now_)
    return;
  if (x.failed)
    return end_with(*x.failed);
  switch (x.what) {
  case mirror_step::kind::surveyed:
    files_ = std::move(x.files);
    return files_ ? judge() : find_incomplete();
  case mirror_step::kind::judged:
    return x.is_open ? build() : end(mirror_outcome::restricted);
  case mirror_step::kind::made:
    made_ = std::move(x.made);
    return made_ ? copy_out(true) : end(mirror_outcome::incomplete);
  case mirror_step::kind::settled:
    return end(mirror_outcome::made);
  }
}

mirror_maker::behavior_type mirror_maker::make_behavior() {
  send(config_.webseed,
       watch_pulls{[mail = mail_](origin_name name) { mail->send(file_pulled{std::move(name)}); }});
  delayed_send(this, tick_period, atom::tick::value);
  return {
      [this](const file_pulled& x) { on_pulled(x); },
      [this](const make_mirror& x) { return on_make(x); },
      [this](mirror_step& x) { on_step(x); },
      [this](atom::tick) {
        on_tick();
        delayed_send(this, tick_period, atom::tick::value);
      },
  };
}

} // namespace shoal
