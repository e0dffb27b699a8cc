// SPDX-License-Identifier: Apache-2.0
// Copies of what is published, before that is acknowledged.
#include "actors/error.hpp"
#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/object_replicator.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <map>

namespace shoal {

namespace {

using state = held_objects::state;

/// An edge's question is answered within that, done or not.
constexpr std::chrono::seconds answer_period{2};

/// Whoever asked does not ask any more.
constexpr std::chrono::seconds forget_period{30};

} // namespace

/// If this node has the object and is a home, one copy less is to be made.
void object_replicator::plan(copied& x) const {
  x.candidates = config_.duties->stand_ins(x.what.object);
  auto end = x.candidates.begin()
             + static_cast<ptrdiff_t>(std::min(config_.duties->copies(), x.candidates.size()));
  const auto is_home = std::find(x.candidates.begin(), end, config_.self) != end;
  x.held = is_home && config_.objects->size(x.what.object) == x.what.size_bytes ? 1 : 0;
  std::erase(x.candidates, config_.self);
  x.settled.assign(x.candidates.size(), false);
}

bool object_replicator::is_done(const copied& x) const {
  return x.held >= config_.duties->copies()
         || std::find(x.settled.begin(), x.settled.end(), false) == x.settled.end();
}

object_replicator::promise object_replicator::on_copy(const copy_objects& ask) {
  auto answer = make_response_promise<promise>();
  auto now = config_.now();
  auto& j = jobs_[ask.ticket];
  if (!j) {
    j = std::make_shared<job>();
    for (auto& object : ask.objects) {
      copied x{object, {}, 0, {}};
      plan(x);
      j->objects.push_back(std::move(x));
    }
  }
  j->waiting = answer;
  j->waits_until = now + answer_period;
  j->forgotten_at = now + forget_period;
  auto again = j;
  ask_all(again);
  return answer;
}

/// Each node is asked for all that it is to have, in messages of bounded size; once the answers are
/// there, and after a pause, again.
void object_replicator::ask_all(const job_ptr& j) {
  if (j->questions > 0)
    return;
  std::map<std::string, std::vector<std::pair<size_t, size_t>>> by_node;
  j->open = 0;
  for (size_t i = 0; i < j->objects.size(); ++i) {
    auto& x = j->objects[i];
    if (is_done(x))
      continue;
    ++j->open;
    auto lacks = config_.duties->copies() - x.held;
    for (size_t c = 0; c < x.candidates.size() && lacks > 0; ++c)
      if (!x.settled[c]) {
        auto& some = by_node[x.candidates[c]];
        if (some.size() < limits::objects_held_at_once_max)
          some.emplace_back(i, c);
        --lacks;
      }
  }
  for (auto& [node, some] : by_node)
    ask_one(j, node, std::move(some));
  if (j->open == 0)
    answer(*j);
}

void object_replicator::ask_one(const job_ptr& j, const std::string& node,
                                std::vector<std::pair<size_t, size_t>> of) {
  hold_objects ask{{}, config_.bulk_address(), config_.zone};
  for (auto& [i, c] : of)
    ask.objects.push_back(j->objects[i].what);
  ++j->questions;
  asker_.ask(node, link_kind::hold_objects, to_archive(ask), config_.now() + config_.patience,
             [=, this, of = std::move(of)](const result<std::string>& body) {
               --j->questions;
               auto told = body ? from_archive<held_objects>(*body) : tl::unexpected{body.error()};
               if (!told)
                 log::warn("objects", "cannot copy to node={} error=\"{}\"", node,
                           to_string(told.error()));
               for (size_t i = 0; i < of.size(); ++i)
                 note(*j, of[i],
                      told && i < told->states.size()
                          ? static_cast<state>(static_cast<uint8_t>(told->states[i]))
                          : state::failed);
               if (j->questions == 0)
                 if (std::all_of(j->objects.begin(), j->objects.end(),
                                 [this](auto& x) { return is_done(x); }))
                   answer(*j);
             });
}

void object_replicator::note(job& j, std::pair<size_t, size_t> which, state how) {
  auto& x = j.objects[which.first];
  if (how == state::fetching || x.settled[which.second])
    return;
  x.settled[which.second] = true;
  if (how == state::held)
    ++x.held;
}

void object_replicator::answer(job& j) {
  if (!j.waiting)
    return;
  copy_state how;
  how.done
      = std::all_of(j.objects.begin(), j.objects.end(), [this](auto& x) { return is_done(x); });
  for (auto& x : j.objects)
    how.lacking += x.held < config_.duties->copies() ? 1 : 0;
  j.waiting->deliver(how);
  j.waiting.reset();
  if (how.done)
    j.forgotten_at = {};
}

void object_replicator::tick_jobs(mono_time now) {
  for (auto& [ticket, j] : jobs_) {
    if (j->waiting && j->waits_until <= now)
      answer(*j);
    auto again = j;
    ask_all(again);
  }
  std::erase_if(jobs_, [&](auto& x) { return x.second->forgotten_at <= now; });
}

} // namespace shoal
