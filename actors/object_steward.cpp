// SPDX-License-Identifier: Apache-2.0
#include "actors/object_steward.hpp"

#include "core/defaults.hpp"
#include "core/log.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Of the registry, in one turn: who publishes waits for it.
constexpr size_t records_per_turn = 16;

/// Between two looks at what is to be done; beside the rate it decides what is read at once.
constexpr std::chrono::seconds tick_period{1};

/// Objects that are let go of in one turn.
constexpr size_t let_go_max = 256;

/// Between two looks for uploads that nobody has published.
constexpr std::chrono::seconds let_go_period_max{600};

/// After a failure of the disk.
constexpr std::chrono::seconds look_again_period{10};

std::string_view word_for(object_finding::kind what) {
  switch (what) {
  case object_finding::kind::corrupt:
    return "corrupt";
  case object_finding::kind::changed:
    return "changed";
  case object_finding::kind::missing:
    break;
  }
  return "missing";
}

} // namespace

object_steward::object_steward(caf::actor_config& cfg, const object_steward_config& config)
    : object_steward_actor::base(cfg), config_{config} {
  for (auto what : {object_finding::kind::corrupt, object_finding::kind::changed,
                    object_finding::kind::missing})
    findings_[static_cast<size_t>(what)] = &config_.metrics->add_counter(
        "shoal_object_findings_total", "Objects that were not what they should be, by what",
        "what=" + metrics::quoted(word_for(what)));
  let_go_ = &config_.metrics->add_counter(
      "shoal_objects_unclaimed_total",
      "Objects that were uploaded, never published, and are not kept any more");
}

// -- who needs what ------------------------------------------------------------------------

void object_steward::settle_revision(const std::string& key) {
  if (auto settled = config_.claims->settle_revision(key); !settled)
    log::error("objects", "cannot pin a revision={} error=\"{}\"", key, to_string(settled.error()));
}

void object_steward::settle_entry(const std::string& key) {
  if (auto settled = config_.claims->settle_entry(key); !settled)
    log::error("objects", "cannot pin an entry's torrents error=\"{}\"",
               to_string(settled.error()));
}

void object_steward::on_records(const settle_records& what) {
  if (!what.revision.empty())
    settle_revision(what.revision);
  if (!what.entry.empty())
    settle_entry(what.entry);
}

/// Where `claims` has something to go through.
void object_steward::begin_catching_up() {
  if (!config_.claims->is_caught_up() && !std::exchange(catching_up_, true))
    send(this, atom::load::value);
}

void object_steward::on_step(const registry_step& step) {
  if (!step.changes) {
    config_.claims->start_over();
    return begin_catching_up();
  }
  for (auto& change : *step.changes) {
    if (change.where == table::refs)
      settle_revision(change.key);
    else if (change.where == table::entries)
      settle_entry(change.key);
  }
  begin_catching_up();
}

void object_steward::on_arrived(const object_arrived& what) {
  auto settled = config_.objects->note_found(what.object).and_then([&] {
    return config_.claims->settle_again(what.owner);
  });
  if (!settled && settled.error().code != ec::not_found)
    log::error("objects", "cannot keep what has come object={} error=\"{}\"", what.object.brief(),
               to_string(settled.error()));
  begin_catching_up();
}

void object_steward::catch_up() {
  auto at_end = config_.claims->catch_up(records_per_turn);
  if (!at_end) {
    log::error("objects", "cannot go through the registry error=\"{}\"", to_string(at_end.error()));
    delayed_send(this, look_again_period, atom::load::value);
    return;
  }
  catching_up_ = !*at_end;
  if (catching_up_)
    send(this, atom::load::value);
  else
    log::info("objects", "are pinned as the registry names them");
}

// -- what is not what it should be -----------------------------------------------------------

void object_steward::report(const object_finding& found) {
  findings_[static_cast<size_t>(found.what)]->add();
  log::error("objects", "finds an object {} object={} pinned={} reason=\"{}\"",
             word_for(found.what), found.object.hex(), found.pinned, found.detail);
}

void object_steward::scrub() {
  auto now = clock().now();
  if (config_.scrub_bytes_per_second == 0 || now < scrubbed_at_)
    return; // The next round is yet to come.
  auto since = std::min<caf::actor_clock::duration_type>(now - scrubbed_at_, 2 * tick_period);
  scrubbed_at_ = now;
  auto seconds = std::chrono::duration<double>(since).count();
  auto budget = static_cast<uint64_t>(seconds * double(config_.scrub_bytes_per_second));
  auto found = config_.objects->scrub(budget);
  if (!found) {
    log::error("objects", "cannot be scrubbed error=\"{}\"", to_string(found.error()));
    scrubbed_at_ = now + look_again_period;
    return;
  }
  for (auto& x : *found)
    report(x);
  if (!config_.objects->scrubbed_all())
    return;
  log::info("objects", "are scrubbed");
  scrubbed_at_ = std::max(now, round_began_ + defaults::scrub_round);
  round_began_ = scrubbed_at_;
}

/// What is uploaded and waits to be published is of no use once nobody comes to do it.
void object_steward::let_go() {
  using std::chrono::seconds;
  auto now = clock().now();
  if (now < let_go_at_)
    return;
  let_go_at_ = now + std::clamp(config_.upload_life / 4, seconds{1}, let_go_period_max);
  config_.uploads->expire();
  if (catching_up_)
    return; // What is named may not be pinned yet.
  auto before = unix_now() - config_.upload_life.count();
  auto gone = config_.objects->give_up_unclaimed(before, let_go_max);
  if (!gone)
    log::error("objects", "cannot let go of uploads error=\"{}\"", to_string(gone.error()));
  else if (*gone > 0)
    log::info("objects", "keeps uploads no longer that nobody has published objects={}", *gone);
  let_go_->add(gone.value_or(0));
}

object_steward::behavior_type object_steward::make_behavior() {
  catching_up_ = true;
  send(this, atom::load::value);
  scrubbed_at_ = round_began_ = clock().now();
  let_go_at_ = clock().now();
  delayed_send(this, tick_period, atom::tick::value);
  return {
      [this](const registry_step& x) { on_step(x); },
      [this](const settle_records& x) { on_records(x); },
      [this](const object_arrived& x) { on_arrived(x); },
      [this](const object_released& x) {
        if (auto gone = config_.claims->release(x.object); !gone)
          log::error("objects", "cannot give up object={} error=\"{}\"", x.object.brief(),
                     to_string(gone.error()));
      },
      [this](atom::load) { catch_up(); },
      [this](atom::tick) {
        delayed_send(this, tick_period, atom::tick::value);
        begin_catching_up();
        scrub();
        let_go();
      },
  };
}

} // namespace shoal
