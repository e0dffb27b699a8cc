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

/// Where an address is, as far as a policy for the choice of peers wants to know: see peer_policy.
struct whereabouts {
  uint32_t network = 0;    ///< Number of the autonomous system; 0 is unknown.
  uint16_t country = 0;    ///< Two letters, the first one in the upper byte; 0 is unknown.
  uint8_t zone = 0;        ///< From the table of zones; 0 is none.
  bool origin : 1 = false; ///< In one of the networks of origins.
  uint8_t agent : 2 = 0;   ///< How much an agent there can give, see agent_book; 0: there is none.

  bool operator==(const whereabouts&) const = default;
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
    uint8_t client = 0;    ///< Number of the client's name: see client_names.
    whereabouts where;
    peer_id id;
  };

  /// What a list keeps besides.
  struct keeping {
    bool ids = false;
    bool places = false;
    hash_key secret; ///< For the index.
  };

  /// Bytes that one address takes in a block.
  static constexpr size_t entry_bytes(size_t stride) { return 14 + stride; }

  /// @param stride 6 for IPv4, 18 for IPv6.
  explicit peer_list(uint32_t stride);

  /// Makes an empty list that begins in a block of the caller's, which outlives it or `own`.
  /// @param block at least `capacity * entry_bytes(stride)` bytes, aligned to 8.
  peer_list(uint32_t stride, uint8_t* block, uint32_t capacity);
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
  uint8_t client(uint32_t at) const { return client_bytes()[at]; }
  whereabouts where(uint32_t at) const { return places_ ? places_[at] : whereabouts{}; }
  endpoint address(uint32_t at) const;
  address_key key(uint32_t at) const;

  /// @returns the position, or `none`.
  uint32_t find_identity(uint64_t identity) const;
  uint32_t find_address(const address_key& address) const;

  /// Has the processor fetch what a scan for an identity reads, and what a hit then needs.
  void prefetch() const;

  void set_deadline(uint32_t at, uint32_t deadline) { deadlines()[at] = deadline; }
  void set_client(uint32_t at, uint8_t client) { client_bytes()[at] = client; }

  /// No effect in a list that keeps no places.
  void set_place(uint32_t at, const whereabouts& where) {
    if (places_)
      places_[at] = where;
  }

  /// Flags that do not move the entry: `completed` and `paired`.
  void set_flag(uint32_t at, uint8_t flag, bool on);

  /// @returns the entry's new position.
  uint32_t set_state(uint32_t at, peer_state state);

  /// Neither identity nor address may be in the list already.
  /// @returns the position.
  uint32_t insert(const entry& e, const keeping& what);

  void erase(uint32_t at);

  void clear();

  /// Moves to a block of its own.
  void own(const keeping& what);

  size_t memory_bytes() const;

private:
  class index;

  struct block_release {
    block_release() : owned{true} {}
    explicit block_release(bool is_owned) : owned{is_owned} {}
    bool owned;
    void operator()(uint8_t* block) const {
      if (owned)
        delete[] block;
    }
  };

  uint64_t* identities() const { return reinterpret_cast<uint64_t*>(block_.get()); }
  uint32_t* deadlines() const {
    return reinterpret_cast<uint32_t*>(block_.get() + size_t{capacity_} * 8);
  }
  uint8_t* wires() const { return block_.get() + size_t{capacity_} * 12; }
  uint8_t* flag_bytes() const { return block_.get() + size_t{capacity_} * (12 + stride_); }
  uint8_t* client_bytes() const { return block_.get() + size_t{capacity_} * (13 + stride_); }

  template <size_t Stride>
  uint32_t scan_address(const uint8_t* wanted) const;

  uint32_t move_group(uint32_t at, uint32_t from, uint32_t to);
  void swap_entries(uint32_t a, uint32_t b);
  void resize(uint32_t capacity, const keeping& what);

  uint32_t stride_;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  uint32_t leech_end_ = 0;
  uint32_t seed_end_ = 0;
  // Identities, deadlines, wires, flags, clients: `capacity_` of each.
  std::unique_ptr<uint8_t[], block_release> block_;
  std::unique_ptr<peer_id[]> ids_;        // `capacity_` of them, or none.
  std::unique_ptr<whereabouts[]> places_; // `capacity_` of them, or none.
  std::unique_ptr<index> index_;          // Iff `capacity_` exceeds `scan_max`.
};

} // namespace shoal
