// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_customers.hpp"

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

/// Edges give up after defaults::request_timeout and look once a second.
constexpr duration registry_answer_max = defaults::request_timeout + 1500ms;

/// Those registered last are asked for most.
constexpr size_t entries_recent = 8;

} // namespace

std::string sim_entry::hash() const {
  return std::string{sim_registrar::hash_of(slot, number).chars()};
}

std::string sim_entry::second_hash() const {
  return std::string{sim_registrar::second_hash_of(slot, number, second_slot).chars()};
}

struct sim_customers::question {
  std::string node;
  size_t entry;
  uint64_t known_at; ///< What was acknowledged when it was asked.
  bool writes;
  bool doubts;
  bool by_second; ///< By the hash whose slot may have another owner than the entry.
};

sim_customers::sim_customers(timeline& time, const sim_ledger& ledger, size_t slots,
                             complaint wrong,
                             std::function<bool(const std::string&, size_t)> is_sure)
    : time_{time}, ledger_{ledger}, slots_{slots}, wrong_{std::move(wrong)}, is_sure_{std::move(
                                                                                 is_sure)} {}

size_t sim_customers::choose() {
  auto recent = std::min(entries_.size(), entries_recent);
  return time_.random.chance(700) ? entries_.size() - 1 - time_.random.below(recent)
                                  : time_.random.below(entries_.size());
}

void sim_customers::act(sim_tracker& at) {
  auto& random = time_.random;
  if (entries_.empty() || random.chance(250)) {
    auto slot = random.below(slots_);
    entries_.push_back({slot, static_cast<uint16_t>(entries_.size()), random.below(slots_)});
    registry_entry made;
    made.hashes.v1 = info_hash::from_bytes(entries_.back().hash());
    return ask(at, entries_.size() - 1, register_entry{made});
  }
  auto which = choose();
  auto hash = entries_[which].hash();
  if (random.chance(150)) {
    registry_entry made;
    made.hashes.v1 = info_hash::from_bytes(hash);
    ask(at, which, register_entry{made});
  } else if (random.chance(500)) {
    ask(at, which, lookup_entry{hash});
  } else {
    auto by_second = random.chance(500);
    ask(at, which, seek_entry{by_second ? entries_[which].second_hash() : hash}, by_second);
  }
}

void sim_customers::probe(sim_tracker& at) {
  for (size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].acknowledged_at != 0)
      ask(at, i, lookup_entry{entries_[i].hash()});
}

template <class Message>
void sim_customers::ask(sim_tracker& at, size_t entry, Message what, bool by_second) {
  ++questions_;
  question asked{at.id(),
                 entry,
                 entries_[entry].acknowledged_at,
                 std::is_same_v<Message, register_entry>,
                 std::is_same_v<Message, seek_entry>,
                 by_second};
  at.ask_registry(std::move(what),
                  [this, asked](const auto& answer, duration took) { heard(asked, answer, took); });
}

void sim_customers::heard(const question& asked, const result<registry_entry>& answer,
                          duration took) {
  auto& entry = entries_[asked.entry];
  if (took > registry_answer_max)
    wrong_("late", entry.key() + " was asked for at " + asked.node + ", for "
                       + std::to_string(std::chrono::duration<double>(took).count()) + " s");
  if (answer)
    return check_found(asked, answer->name);
  if (answer.error().code == ec::not_found && !asked.writes)
    return check_absent(asked);
  ++in_vain_;
  // Who doubts may rightly hear that nobody knows: when etcd is away, nobody owns anything.
  if (!asked.writes && !asked.doubts && is_sure_(asked.node, entry.slot))
    wrong_("no word",
           entry.key() + " was asked for at " + asked.node + ": " + to_string(answer.error()));
}

void sim_customers::check_found(const question& asked, const std::string& value) {
  auto& entry = entries_[asked.entry];
  auto at = ledger_.revision_of(entry.key(), value);
  if (!at)
    return wrong_("never there", entry.key() + " = " + value + " at " + asked.node);
  if (asked.writes)
    entry.acknowledged_at = std::max(entry.acknowledged_at, *at);
  else if (*at < asked.known_at && !asked.by_second && is_sure_(asked.node, entry.slot))
    wrong_("look-up of the past", entry.key() + " as of " + std::to_string(*at) + " at "
                                      + asked.node + ", acknowledged at "
                                      + std::to_string(asked.known_at));
}

void sim_customers::check_absent(const question& asked) {
  auto& entry = entries_[asked.entry];
  if (asked.known_at == 0)
    return;
  auto what
      = entry.key() + " at " + asked.node + ", acknowledged at " + std::to_string(asked.known_at);
  if (asked.doubts)
    wrong_("denied", what);
  else if (is_sure_(asked.node, entry.slot))
    wrong_("look-up of the past", "no " + what);
}

} // namespace shoal::sim
