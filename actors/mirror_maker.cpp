// SPDX-License-Identifier: Apache-2.0
#include "actors/mirror_maker.hpp"

#include "actors/error.hpp"
#include "actors/link_kinds.hpp"
#include "actors/mirror_survey.hpp"
#include "actors/origin_names.hpp"
#include "core/log.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr std::chrono::milliseconds tick_period{250};

/// Until a commit whose registration failed is tried again; each time twice as long.
constexpr std::chrono::seconds retry_pause{10};
constexpr unsigned failures_max = 6;

/// The book of origins learns a little after the readers that a file has come whole.
constexpr unsigned surveys_max = 3;
constexpr std::chrono::milliseconds survey_pause{300};

} // namespace

std::string_view name(mirror_outcome how) {
  constexpr std::array<std::string_view, 6> names{"made",       "there",   "incomplete",
                                                  "restricted", "refused", "failed"};
  static_assert(names.size() == static_cast<size_t>(mirror_outcome::sentinel_));
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
  if (config_.news.links)
    join();
}

/// Other nodes tell this one, too.
void mirror_maker::join() {
  news_.emplace(config_.news, caf::actor_cast<caf::actor>(this));
  config_.news.links->serve(
      link_kind::pulled_file,
      [mail = mail_](const cluster::link_message& x, const cluster::link_reply& reply) {
        if (x.is_request)
          mail->send(
              link_question{std::string{x.from}, x.kind, std::string{x.body}, x.deadline, reply});
      });
}

void mirror_maker::on_exit() {
  leaving_->store(true);
  mail_->close();
  if (news_)
    news_->close();
  waiting_.clear();
  now_.reset();
  let_go();
  config_.webseed = nullptr;
  config_.catalog = nullptr;
  config_.replicator = nullptr;
  config_.gatherer = nullptr;
  config_.registry_of = {};
}

// -- what is to be looked at -------------------------------------------------------------------

void mirror_maker::on_pulled(const file_pulled& x) {
  if (news_ && !x.told)
    news_->tell(x, [this, commit = x.name] { note(commit); });
  else
    note(x.name);
}

/// The book must know the hash before the commit is looked at.
void mirror_maker::on_news(const link_question& x) {
  auto news = read_news(x.body);
  if (!news)
    return x.reply.refuse(news.error().code, news.error().detail);
  if (!config_.side->config().covers(news->name.id))
    return x.reply.refuse(ec::unavailable, "this node mirrors no such model");
  x.reply(std::string{});
  config_.side->disk().post([side = config_.side, mail = mail_, news = std::move(*news)]() mutable {
    if (auto noted = note_told(side->book(), news.name, news.what); !noted)
      log::warn("mirrors", "cannot note a file that another node has error=\"{}\"",
                to_string(noted.error()));
    mail->send(std::move(news));
  });
}

void mirror_maker::note(const origin_name& commit) {
  auto text = revision_text(commit);
  if (!waiting_.contains(text) && waiting_.size() >= limits::mirrors_waiting_max)
    return; // Its next file, or whoever asks for it, brings it back.
  auto& noted = waiting_[text];
  noted.name = commit;
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
  let_go();
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
  if (made_ || !brought_.empty())
    config_.side->hashing().post(
        [made = std::exchange(made_, nullptr), brought = std::exchange(brought_, {})] {});
}

mirror_maker::behavior_type mirror_maker::make_behavior() {
  send(config_.webseed, watch_pulls{[mail = mail_](origin_name name, origin_record what) {
         mail->send(file_pulled{std::move(name), std::move(what)});
       }});
  delayed_send(this, tick_period, atom::tick::value);
  return {
      [this](const file_pulled& x) { on_pulled(x); },
      [this](const make_mirror& x) { return on_make(x); },
      [this](const link_question& x) { on_news(x); },
      [this](remote_answer& x) { news_->answer(x); },
      [this](mirror_step& x) { on_step(x); },
      [this](atom::tick) {
        on_tick();
        delayed_send(this, tick_period, atom::tick::value);
      },
  };
}

} // namespace shoal
