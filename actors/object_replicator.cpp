// SPDX-License-Identifier: Apache-2.0
// What this node owes the cluster: fetching, giving up, holding. Copies for publishers:
// object_copies.cpp.
#include "actors/object_replicator.hpp"

#include "actors/error.hpp"
#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "core/defaults.hpp"
#include "core/log.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// A record that names what was held comes within that, as a rule within a second.
constexpr std::chrono::minutes hold_period{10};

/// Between two looks at the whole registry when nothing happens.
constexpr std::chrono::minutes round_period{10};
/// Of a node that drains, whose list was too short for all that it is to hand over.
constexpr std::chrono::seconds short_round_period{10};
/// Objects that heirs are asked about at once, and those that are looked at before others may
/// speak.
constexpr size_t surplus_questions_max = 16;
constexpr size_t surplus_looks_max = 256;

constexpr std::chrono::seconds copy_again_period{5};

/// Between two questions whether others have what is to be theirs.
constexpr std::chrono::seconds give_again_period{1};

/// Looked at in one turn.
constexpr size_t lost_at_once = 64;

} // namespace

object_replicator::object_replicator(caf::actor_config& cfg, object_replicator_config config)
    : object_replicator_actor::base(cfg), config_{std::move(config)},
      asker_{*config_.links, caf::actor_cast<caf::actor>(this)},
      mail_{std::make_shared<late_mail>(caf::actor_cast<caf::actor>(this))} {}

void object_replicator::on_exit() {
  asker_.close();
  mail_->close();
  jobs_.clear();
  held_.clear();
}

// -- what is to be here --------------------------------------------------------------------

void object_replicator::pull(object_pull what) {
  auto object = what.object;
  config_.pulls->pull(std::move(what), [mail = mail_, object](const result<void>& how) {
    mail->send(object_pulled{object, how ? uint8_t{0} : static_cast<uint8_t>(how.error().code),
                             how ? std::string{} : how.error().detail});
  });
}

void object_replicator::fetch_wanted(mono_time now) {
  while (wanted_now_.size() < limits::object_repairs_max) {
    auto object = config_.duties->next_wanted(now);
    if (!object)
      return;
    wanted_now_.insert(*object);
    if (config_.objects->size(*object))
      send(this, object_pulled{*object, 0, {}});
    else
      fetch(*object);
  }
}

void object_replicator::fetch(const sha256_digest& object) {
  request(config_.finder, defaults::request_timeout, find_object{object, true})
      .then(
          [=, this](object_places& found) {
            pull({object, std::move(found.places), false});
          },
          [=, this](const caf::error& why) {
            auto err = from_caf(why);
            on_pulled({object, static_cast<uint8_t>(err.code), err.detail});
          });
}

void object_replicator::on_pulled(const object_pulled& x) {
  if (auto waiting = held_.find(x.object); waiting != held_.end() && !waiting->second.hold) {
    waiting->second.failed = x.code != 0;
    if (x.code != 0)
      waiting->second.until = config_.now() + copy_again_period;
  }
  if (x.code != 0)
    log::warn("objects", "cannot fetch object={} error=\"{}\"", x.object.brief(),
              to_string(error{static_cast<ec>(x.code), x.detail}));
  if (wanted_now_.erase(x.object) == 0)
    return;
  auto owners = config_.duties->fetched(x.object, x.code == 0, config_.now() + copy_again_period);
  for (auto& owner : owners)
    send(config_.steward, object_arrived{x.object, owner});
}

/// Objects that were wrong, or have vanished, and are pinned here.
void object_replicator::look_for_lost() {
  auto some = config_.objects->lost(lost_from_, lost_at_once);
  lost_from_ = some.size() < lost_at_once ? sha256_digest{} : some.back();
  for (auto& object : some) {
    auto owners = config_.objects->index().owners_of(object, limits::object_wishers_max);
    for (auto& owner : owners.value_or(std::vector<std::string>{}))
      config_.duties->want(object, owner);
  }
}

// -- what others are to have -----------------------------------------------------------------

/// What all homes hold need not be kept here. A node that drains asks until they do.
void object_replicator::give_up_surplus() {
  if (gives_up_)
    return; // An answer that came within the call.
  gives_up_ = true;
  auto now = config_.now();
  for (size_t looks = 0; looks < surplus_looks_max && giving_up_ < surplus_questions_max; ++looks) {
    auto what = config_.duties->next_surplus(now);
    if (!what)
      break;
    auto size = config_.objects->size(what->object);
    auto heirs = config_.duties->heirs(what->object);
    auto is_mine = std::find(heirs.begin(), heirs.end(), config_.self) != heirs.end();
    // What no record names any more, nobody is to have: it may be a cached object by now.
    auto is_over = !size || is_mine || !config_.objects->is_kept(what->object);
    if (!is_over && !heirs.empty())
      ask_heirs(*what, *size, heirs);
    else
      config_.duties->gave(*what, is_over, now + give_again_period);
  }
  gives_up_ = false;
}

void object_replicator::ask_heirs(const object_duties::surplus& what, uint64_t size_bytes,
                                  const std::vector<std::string>& heirs) {
  auto open = std::make_shared<size_t>(heirs.size());
  auto keeping = std::make_shared<size_t>(0);
  hold_objects ask{{{what.object, size_bytes}}, {}, config_.zone};
  ++giving_up_;
  for (auto& node : heirs)
    asker_.ask(node, link_kind::hold_objects, to_archive(ask), config_.now() + config_.patience,
               [=, this, all = heirs.size()](const result<std::string>& body) {
                 auto answer
                     = body ? from_archive<held_objects>(*body) : tl::unexpected{body.error()};
                 if (answer && answer->states == std::string(1, char{1}))
                   ++*keeping;
                 if (--*open > 0)
                   return;
                 --giving_up_;
                 auto taken = *keeping == all;
                 config_.duties->gave(what, taken, config_.now() + give_again_period);
                 if (taken && !what.stays && all >= config_.duties->copies())
                   send(config_.steward, object_released{what.object});
                 give_up_surplus();
               });
}

// -- for other nodes -------------------------------------------------------------------------

held_objects::state object_replicator::hold(const std::string& from, const hold_objects& ask,
                                            const sized_object& what) {
  using state = held_objects::state;
  auto now = config_.now();
  auto known = held_.find(what.object);
  if (known != held_.end() && known->second.failed && known->second.until > now)
    return state::failed;
  // It comes as what this node is to have, at the pace of copies.
  if (ask.address.empty() && config_.objects->size(what.object) != what.size_bytes)
    return state::fetching;
  if (known == held_.end() || known->second.failed) {
    if (held_.size() >= limits::objects_held_max)
      return state::failed;
    known = held_.insert_or_assign(what.object, held{}).first;
    known->second.until = now + hold_period;
    if (config_.objects->size(what.object) != what.size_bytes)
      pull({what.object, {{what.size_bytes, ask.address, ask.zone, from}}, true});
  }
  known->second.until = now + hold_period;
  auto here = known->second.hold || config_.objects->size(what.object) == what.size_bytes;
  return here ? state::held : state::fetching;
}

/// Those that are here, with one transaction of the index.
void object_replicator::take(const std::vector<sha256_digest>& objects) {
  if (objects.empty())
    return;
  auto taken = config_.claims->take(objects);
  auto shared = taken ? std::make_shared<object_claims::hold>(std::move(*taken)) : nullptr;
  for (auto& object : objects) {
    held_[object].hold = shared;
    held_[object].failed = !shared;
  }
}

void object_replicator::on_question(const link_question& x) {
  if (x.kind == link_kind::drain_state) {
    auto left = config_.duties->to_hand_over();
    x.reply(to_archive(drain_state{left.has_value(), left.value_or(0)}));
  } else {
    on_hold_question(x);
  }
}

void object_replicator::on_hold_question(const link_question& x) {
  auto ask = from_archive<hold_objects>(x.body);
  if (!ask || ask->objects.size() > limits::objects_held_at_once_max)
    return x.reply.refuse(ec::invalid_argument, "objects to hold");
  using state = held_objects::state;
  std::vector<state> states;
  std::vector<sha256_digest> ready;
  for (auto& what : ask->objects) {
    states.push_back(hold(x.from, *ask, what));
    if (states.back() == state::held && !held_[what.object].hold)
      ready.push_back(what.object);
  }
  take(ready);
  held_objects answer;
  for (size_t i = 0; i < states.size(); ++i) {
    auto failed = states[i] == state::held && !held_[ask->objects[i].object].hold;
    answer.states.push_back(static_cast<char>(failed ? state::failed : states[i]));
  }
  x.reply(to_archive(answer));
}

// -- now and then ----------------------------------------------------------------------------

void object_replicator::look_around(mono_time now) {
  auto changed = config_.duties->look(config_.there(), now);
  auto period
      = config_.duties->has_left_out() ? short_round_period : std::chrono::seconds{round_period};
  if (!changed && round_at_ && now - *round_at_ < period)
    return;
  round_at_ = now;
  send(config_.steward, registry_step{});
}

void object_replicator::on_tick() {
  delayed_send(this, config_.tick, atom::tick::value);
  auto now = config_.now();
  look_around(now);
  look_for_lost();
  fetch_wanted(now);
  give_up_surplus();
  tick_jobs(now);
  std::erase_if(held_, [&](auto& x) { return x.second.until <= now; });
}

object_replicator::behavior_type object_replicator::make_behavior() {
  send(this, atom::tick::value);
  return {
      [this](const copy_objects& x) { return on_copy(x); },
      [this](const link_question& x) { on_question(x); },
      [this](remote_answer& x) { asker_.answer(x); },
      [this](const object_pulled& x) { on_pulled(x); },
      [this](atom::tick) { on_tick(); },
  };
}

} // namespace shoal
