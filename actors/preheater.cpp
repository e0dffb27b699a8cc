// SPDX-License-Identifier: Apache-2.0
#include "actors/preheater.hpp"

#include "actors/error.hpp"
#include "actors/mirror_survey.hpp"
#include "actors/origin_names.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <random>

namespace shoal {

namespace {

constexpr std::chrono::milliseconds tick_period{250};

constexpr unsigned list_failures_max = 5;
constexpr std::chrono::seconds list_pause{2};

/// Who watches hears something so often, if only that nothing has changed.
constexpr std::chrono::seconds watch_period{2};

result<void> check(const webseed_config& config, const begin_preheat& ask) {
  if (!is_sound_revision(ask.name))
    return fail(ec::invalid_argument, "there can be no " + ask.name.id + "@" + ask.name.rev);
  if (!config.covers(ask.name.id))
    return fail(ec::not_found, "no origin is asked for this model (webseed.mirror)");
  if (ask.include.size() > limits::preheat_patterns_max)
    return fail(ec::too_large, "too many patterns");
  for (auto& pattern : ask.include)
    if (pattern.empty() || pattern.size() > limits::path_bytes_max)
      return fail(ec::invalid_argument, "a pattern is empty or too long");
  return {};
}

} // namespace

preheater::preheater(caf::actor_config& cfg, preheater_config config)
    : preheater_actor::base(cfg), config_{std::move(config)},
      mail_{std::make_shared<late_mail>(caf::actor_cast<caf::actor>(this))} {
  for (auto end : {preheat_state::done, preheat_state::failed, preheat_state::cancelled})
    ends_[static_cast<size_t>(end)]
        = &config_.metrics->add_counter("shoal_preheats_total", "Preheats, by their end",
                                        "result=" + metrics::quoted(shoal::name(end)));
  config_.metrics->add_reader("shoal_preheats_active", "Preheats that have not ended", "",
                              [active = active_] { return double(active->load()); });
}

void preheater::on_exit() {
  mail_->close();
  for (auto& [id, r] : jobs_)
    leave_pulls(*r);
  jobs_.clear();
  config_.finder = nullptr;
  config_.errands = nullptr;
  config_.webseed = nullptr;
  config_.mirrors = nullptr;
  config_.catalog = nullptr;
}

// -- jobs --------------------------------------------------------------------------------------

preheater::running* preheater::find(uint64_t id) {
  auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

preheater::running* preheater::at_work(uint64_t id) {
  auto* r = find(id);
  return r && !r->job.is_over() ? r : nullptr;
}

preheater::running* preheater::under_way(uint64_t id, size_t file) {
  auto* r = at_work(id);
  return r && r->job.is_under_way(file) ? r : nullptr;
}

/// Forgets those that ended first.
void preheater::make_room() {
  while (jobs_.size() >= limits::preheats_max) {
    auto oldest = jobs_.end();
    for (auto it = jobs_.begin(); it != jobs_.end(); ++it) {
      auto is_older = [&] {
        return oldest == jobs_.end()
               || it->second->job.status().ended_at < oldest->second->job.status().ended_at;
      };
      if (it->second->job.is_over() && it->second->watchers.empty() && is_older())
        oldest = it;
    }
    if (oldest == jobs_.end())
      return;
    jobs_.erase(oldest);
  }
}

preheater::promise preheater::on_begin(begin_preheat& ask) {
  auto answer = make_response_promise<promise>();
  ask.name.path.clear();
  if (auto sound = check(config_.side->config(), ask); !sound) {
    answer.deliver(to_caf(sound.error()));
    return answer;
  }
  for (auto& [id, r] : jobs_)
    if (!r->job.is_over() && r->job.is_for(ask)) {
      answer.deliver(r->job.status());
      return answer;
    }
  make_room();
  if (*active_ >= limits::preheats_active_max || jobs_.size() >= limits::preheats_max) {
    answer.deliver(to_caf({ec::busy, "too many preheats are at work"}));
    return answer;
  }
  uint64_t id = 0;
  while (id == 0 || jobs_.contains(id))
    id = std::random_device{}() | uint64_t{std::random_device{}()} << 32;
  auto made = std::make_unique<running>(running{{id, std::move(ask), unix_now()}, {}, {}});
  log::info("preheater", "begins name={}", made->job.called());
  answer.deliver(made->job.status());
  jobs_[id] = std::move(made);
  ++*active_;
  look_up(id, false);
  return answer;
}

preheater::promise preheater::on_query(const preheat_query& ask) {
  auto answer = make_response_promise<promise>();
  auto* r = find(ask.id);
  if (!r)
    answer.deliver(to_caf({ec::not_found, "there is no such preheat"}));
  else if (r->job.version() > ask.seen || r->job.is_over())
    answer.deliver(r->job.status());
  else if (watching_ >= limits::preheat_watchers_max)
    answer.deliver(to_caf({ec::busy, "too many watch preheats"}));
  else {
    ++watching_;
    r->watchers.push_back({answer, ask.seen, mono_now() + watch_period});
  }
  return answer;
}

preheater::promise preheater::on_cancel(const cancel_preheat& ask) {
  auto answer = make_response_promise<promise>();
  auto* r = find(ask.id);
  if (!r) {
    answer.deliver(to_caf({ec::not_found, "there is no such preheat"}));
    return answer;
  }
  if (!r->job.is_over()) {
    r->job.cancel(unix_now());
    let_go(*r);
  }
  answer.deliver(r->job.status());
  return answer;
}

preheat_list preheater::on_list() const {
  preheat_list all;
  for (auto& [id, r] : jobs_)
    all.jobs.push_back(r->job.status());
  std::sort(all.jobs.begin(), all.jobs.end(), [](auto& a, auto& b) {
    return std::pair{a.began_at, a.id} > std::pair{b.began_at, b.id};
  });
  return all;
}

/// What others read comes all the same.
void preheater::leave(const reading& x) {
  if (x.reader != 0)
    anon_send(x.from, leave_pull{x.reader});
  anon_send(x.from, atom::stop::value);
}

void preheater::leave_pulls(running& r) {
  for (auto& [file, x] : std::exchange(r.readings, {}))
    leave(x);
}

/// The job has ended: nothing of it goes on, and who waits hears of it.
void preheater::let_go(running& r) {
  leave_pulls(r);
  auto status = r.job.status();
  log::info("preheater", "has ended name={} state={} files={} bytes={}", r.job.called(),
            shoal::name(status.state), status.files_done, status.bytes_done);
  if (auto* counter = ends_[static_cast<size_t>(status.state)])
    counter->add();
  --*active_;
  tell(r, mono_now());
}

void preheater::fail(running& r, error why) {
  r.job.fail(std::move(why), unix_now());
  let_go(r);
}

void preheater::tell(running& r, mono_time now) {
  std::erase_if(r.watchers, [&](watcher& w) {
    if (r.job.version() <= w.seen && !r.job.is_over() && w.until > now)
      return false;
    w.answer.deliver(r.job.status());
    --watching_;
    return true;
  });
}

void preheater::on_tick() {
  auto now = mono_now();
  for (auto& [id, r] : jobs_) {
    if (!r->job.is_over() && r->list_again_at && *r->list_again_at <= now)
      list(*r);
    if (r->job.is_pulling())
      pump(*r);
    tell(*r, now);
  }
}

// -- what there is -----------------------------------------------------------------------------

/// What is published here is not looked for at an origin; nor is what is secret here. Asked twice:
/// as anybody sees it, and then as it is.
void preheater::look_up(uint64_t id, bool with_private) {
  auto& name = find(id)->job.what().name;
  resolve_name ask{{name.id, name.kind, with_private}, name.rev};
  request(config_.catalog, patience, std::move(ask))
      .then(
          [=, this](const resolved_name& x) {
            if (auto* r = at_work(id))
              judge_name(*r, x, with_private);
          },
          [=, this](const caf::error& why) {
            if (auto* still = at_work(id))
              fail(*still, from_caf(why));
          });
}

void preheater::judge_name(running& r, const resolved_name& x, bool with_private) {
  auto is_seen = x.revision_known && !with_private;
  if (is_seen && !x.what.is_mirror)
    return fail(r, {ec::conflict, r.job.called() + " is published here"});
  if (with_private && x.repository_known)
    return fail(r, {ec::not_found, "there is no such model"});
  if (with_private || x.repository_known)
    return list(r);
  look_up(r.job.id(), true);
}

void preheater::list(running& r) {
  r.list_again_at.reset();
  auto id = r.job.id();
  request(config_.webseed, patience, list_origin{r.job.what().name})
      .then(
          [=, this](const origin_listing& x) {
            if (auto* still = at_work(id))
              on_listing(*still, x);
          },
          [=, this](const caf::error& why) {
            if (auto* still = at_work(id))
              list_again(*still, from_caf(why));
          });
}

/// An origin may be out of breath for a moment.
void preheater::list_again(running& r, error why) {
  if (is_client_error(why.code) || ++r.list_failures >= list_failures_max)
    return fail(r, std::move(why));
  r.list_again_at = mono_now() + list_pause;
}

void preheater::on_listing(running& r, const origin_listing& x) {
  if (!x.found)
    return fail(r, {ec::not_found, "the origin does not give " + r.job.called()
                                       + (x.error_code.empty() ? "" : ": ") + x.error_code});
  if (auto some = r.job.list(x.commit, *x.files); !some)
    return fail(r, some.error());
  survey(r);
}

void preheater::begin_pulls(running& r, const std::vector<bool>& here) {
  auto missing_bytes = r.job.begin(here);
  auto room = config_.side->store().usage().cache_bytes_max;
  if (missing_bytes > room)
    return fail(r, {ec::storage_full, std::to_string(missing_bytes)
                                          + " bytes are to come, and objects.cache-bytes-max is "
                                          + std::to_string(room)});
  pump(r);
}

void preheater::on_step(const preheat_step& x) {
  auto* r = find(x.job);
  if (!r || r->job.is_over())
    return;
  if (!x.file)
    begin_pulls(*r, x.here);
  else if (r->job.is_under_way(*x.file))
    over(*r, *x.file, x.failed);
}

preheater::behavior_type preheater::make_behavior() {
  delayed_send(this, tick_period, atom::tick::value);
  return {
      [this](begin_preheat& x) { return on_begin(x); },
      [this](const preheat_query& x) { return on_query(x); },
      [this](const cancel_preheat& x) { return on_cancel(x); },
      [this](const list_preheats&) { return on_list(); },
      [this](const preheat_step& x) { on_step(x); },
      [this](atom::tick) {
        on_tick();
        delayed_send(this, tick_period, atom::tick::value);
      },
  };
}

} // namespace shoal
