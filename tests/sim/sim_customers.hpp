// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/sim_ledger.hpp"
#include "tests/sim/sim_tracker.hpp"

namespace shoal::sim {

/// Whose entry it is, and what is known of it.
struct sim_entry {
  size_t slot = 0;
  uint16_t number = 0;
  size_t second_slot = 0;       ///< Of its other hash.
  uint64_t acknowledged_at = 0; ///< Revision of the last write that was; 0: none was.

  std::string hash() const;
  std::string second_hash() const;
  std::string key() const { return sim_registrar::key_of(hash()); }
};

/// Clients of the registry who register entries and look them up at any node, and what they may
/// rely on:
///  - who asks a node that lives and does not hang is answered within the bound
///  - nobody is shown what never stood there, and what was acknowledged stood there
///  - nobody who doubts it (seek_entry) is told that there is no such entry once one was
///    acknowledged, by whichever of its hashes and whatever has gone wrong
///  - who asks a node that is well and linked to the entry's owner, which is well too, gets an
///    answer no older than what was acknowledged before the question
class sim_customers {
public:
  using complaint = std::function<void(const std::string& kind, const std::string& detail)>;

  /// @param is_sure whether a node must know what the slot's owner knows.
  sim_customers(timeline& time, const sim_ledger& ledger, size_t slots, complaint wrong,
                std::function<bool(const std::string& node, size_t slot)> is_sure);

  /// Somebody asks there.
  void act(sim_tracker& at);

  /// Everything that was acknowledged is looked up there.
  void probe(sim_tracker& at);

  uint64_t questions() const { return questions_; }
  uint64_t in_vain() const { return in_vain_; } ///< Answered by an error that is no refusal.

private:
  struct question;

  size_t choose();
  template <class Message>
  void ask(sim_tracker& at, size_t entry, Message what, bool by_second = false);
  void heard(const question& asked, const result<registry_entry>& answer, duration took);
  void check_found(const question& asked, const std::string& value);
  void check_absent(const question& asked);

  timeline& time_;
  const sim_ledger& ledger_;
  const size_t slots_;
  complaint wrong_;
  std::function<bool(const std::string&, size_t)> is_sure_;
  std::vector<sim_entry> entries_;
  uint64_t questions_ = 0;
  uint64_t in_vain_ = 0;
};

} // namespace shoal::sim
