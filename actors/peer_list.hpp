// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "core/ids.hpp"
#include "core/net.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shoal {

enum class peer_state : uint8_t {
  leecher,
  seeder,
  partial, ///< Has all that it wants, which is not all there is. @source BEP 21
};

/// An address in the form in which replies carry it: 4 or 16 bytes and the port, big endian.
struct address_key {
  std::array<uint8_t, 18> wire{};

  static address_key of(const endpoint& peer);

  bool operator==(const address_key&) const = default;
};

/// The addresses of one family in one swarm, in parallel arrays within one allocation, ordered as
///
///     [ leechers | seeders and partial seeds | addresses that are not handed out )
///     0          leech_end                   seed_end                      size()
///
/// so that what an asker may get is one contiguous range. Positions change with any insertion,
/// removal or change of state. Below `scan_max` lookups scan; beyond, they use an index.
class peer_list {
public:
  static constexpr uint32_t none = UINT32_MAX;
  static constexpr uint32_t scan_max = 128;

  static constexpr uint8_t flag_state_mask = 3;
  static constexpr uint8_t flag_completed = 4; ///< Its completion was counted.
  static constexpr uint8_t flag_paired = 8;    ///< The identity has an address of the other family.
  static constexpr uint8_t flag_hidden = 16;   ///< Counted, but not handed out.

  struct entry {
    address_key address;
    uint64_t identity = 0;
    uint32_t deadline = 0; ///< Coarse second at which it expires.
    uint8_t flags = 0;     ///< The state and the flags above.
    peer_id id;
  };

  /// @param stride 6 for IPv4, 18 for IPv6.
  explicit peer_list(uint32_t stride);
  ~peer_list();
  peer_list(peer_list&& other) noexcept;
  peer_list& operator=(peer_list&& other) noexcept;

  uint32_t size() const { return size_; }
  uint32_t leech_end() const { return leech_end_; }
  uint32_t seed_end() const { return seed_end_; }

  uint64_t identity(uint32_t at) const { return identities()[at]; }
  uint32_t deadline(uint32_t at) const { return deadlines()[at]; }
  uint8_t flags(uint32_t at) const { return flag_bytes()[at]; }
  bool has(uint32_t at, uint8_t flag) const { return (flags(at) & flag) != 0; }
  peer_state state(uint32_t at) const { return peer_state(flags(at) & flag_state_mask); }
  const uint8_t* wire(uint32_t at) const { return wires() + size_t{at} * stride_; }
  const peer_id* id(uint32_t at) const { return ids_ ? &ids_[at] : nullptr; }
  endpoint address(uint32_t at) const;
  address_key key(uint32_t at) const;

  /// @returns the position, or `none`.
  uint32_t find_identity(uint64_t identity) const;
  uint32_t find_address(const address_key& address) const;

  void set_deadline(uint32_t at, uint32_t deadline) { deadlines()[at] = deadline; }

  /// Flags that do not move the entry: `completed` and `paired`.
  void set_flag(uint32_t at, uint8_t flag, bool on);

  /// @returns the entry's new position.
  uint32_t set_state(uint32_t at, peer_state state);

  /// Neither identity nor address may be in the list already.
  /// @param secret for the index, if this insertion makes one.
  /// @returns the position.
  uint32_t insert(const entry& e, bool keep_id, const hash_key& secret);

  void erase(uint32_t at);

  void clear();

  size_t memory_bytes() const;

private:
  class index;

  uint64_t* identities() const { return reinterpret_cast<uint64_t*>(block_.get()); }
  uint32_t* deadlines() const {
    return reinterpret_cast<uint32_t*>(block_.get() + size_t{capacity_} * 8);
  }
  uint8_t* wires() const { return block_.get() + size_t{capacity_} * 12; }
  uint8_t* flag_bytes() const { return block_.get() + size_t{capacity_} * (12 + stride_); }

  template <size_t Stride>
  uint32_t scan_address(const uint8_t* wanted) const;

  uint32_t move_group(uint32_t at, uint32_t from, uint32_t to);
  void swap_entries(uint32_t a, uint32_t b);
  void resize(uint32_t capacity, bool keep_id, const hash_key* secret);

  uint32_t stride_;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  uint32_t leech_end_ = 0;
  uint32_t seed_end_ = 0;
  std::unique_ptr<uint8_t[]> block_; // identities, deadlines, wires, flags: `capacity_` of each.
  std::unique_ptr<peer_id[]> ids_;   // `capacity_` of them, or none.
  std::unique_ptr<index> index_;     // Iff `capacity_` exceeds `scan_max`.
};

} // namespace shoal
