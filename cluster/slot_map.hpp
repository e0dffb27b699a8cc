// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/keys.hpp"
#include "cluster/node_record.hpp"
#include "cluster/range_follower.hpp"

#include <functional>
#include <vector>

namespace shoal::cluster {

/// An ownership key as this node last saw it.
struct held_role {
  slot_holder by;
  coordination::lease_id lease = 0;
  uint64_t revision = 0; ///< Of the key's last write; 0: nobody holds it.

  explicit operator bool() const { return revision != 0; }
  bool operator==(const held_role&) const = default;
};

/// Who owns a slot and who stands by, as of the last change seen. The owner's revision is the
/// slot's epoch: the key is written only when the slot changes hands.
struct held_slot {
  held_role owner;
  held_role standby;

  bool operator==(const held_slot&) const = default;
};

/// What stands in shoal/slots/, kept up by a follower.
class slot_map final : public range_follower::listener {
public:
  /// @param changed called with each slot that changed. @param broken see `went_back`.
  slot_map(const key_space& keys, size_t slots, std::function<void(size_t)> changed,
           std::function<void(uint64_t, uint64_t)> broken);

  const held_slot& operator[](size_t slot) const { return slots_[slot]; }
  size_t size() const { return slots_.size(); }

private:
  struct place {
    size_t slot;
    held_role held_slot::*role;
  };

  void replaced(uint64_t revision, std::span<const coordination::key_value> keys) override;
  void changed(uint64_t revision, std::span<const coordination::watch_event> events) override;
  void went_back(uint64_t from, uint64_t to) override { broken_(from, to); }

  std::optional<place> place_of(std::string_view key) const;
  void set(held_role& role, const coordination::key_value& kv) const;

  std::string prefix_;
  std::vector<held_slot> slots_;
  std::function<void(size_t)> changed_;
  std::function<void(uint64_t, uint64_t)> broken_;
};

} // namespace shoal::cluster
