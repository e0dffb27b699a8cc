// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer_table.hpp"

#include <cstring>

namespace shoal {

/// The peers of one swarm in as little memory as they need: two addresses of any family, or three
/// of IPv4, are packed into the object; more, accounting, peer ids and remembered completers take a
/// peer_table on the heap. Does what peer_table does; see there.
class peer_set {
public:
  /// @param config is kept by reference.
  explicit peer_set(const peer_table_config& config) : config_{&config} {}
  ~peer_set();
  peer_set(const peer_set&) = delete;
  peer_set& operator=(const peer_set&) = delete;

  announce_output announce(const announce_input& in, coarse_seconds now, uint64_t random,
                           handout& out, std::vector<peer_change>* changes = nullptr);
  usage_delta account(const usage_report& report, coarse_seconds now);
  void forget_usage();
  size_t expire(coarse_seconds now, std::vector<peer_change>* changes = nullptr);
  void clear(std::vector<peer_change>* changes = nullptr);
  swarm_counts counts() const;
  void set_completed(uint64_t completed);
  bool knows(uint64_t identity) const;
  bool complete(uint64_t identity);
  size_t peers() const;
  size_t addresses() const;
  bool empty() const { return addresses() == 0; }
  void export_to(std::string& out, coarse_seconds now) const;
  result<void> import_from(std::string_view bytes, coarse_seconds now);
  std::optional<replica_peer> describe(uint64_t identity) const;
  void mirror(const replica_peer& x, coarse_seconds deadline,
              std::vector<peer_change>* changes = nullptr);
  void mirror(const delta_piece& x, coarse_seconds deadline,
              const std::vector<uint64_t>* present = nullptr);
  bool remove(uint64_t identity);
  std::optional<uint64_t> cut(uint64_t from, size_t peers_max, delta_piece& piece) const;
  void renew(coarse_seconds deadline);

  /// Becomes what the other one was, of the same configuration; that one is empty then.
  void take(peer_set& from);
  size_t memory_bytes() const;

  /// Have the processor fetch what an announce will look at, in two steps: the second one reads
  /// what the first one fetches.
  void prefetch() const {
    for (size_t line = 0; on_heap_ && line < sizeof(peer_table); line += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(table_) + line, 1);
  }
  void prefetch_addresses(ip_family family) const {
    if (on_heap_)
      table_->prefetch_addresses(family);
  }

  /// Whether all is in the object itself.
  bool packed() const { return !on_heap_; }

  template <class F>
  void for_each_identity(F&& f) const {
    read([&](const peer_table& t) { t.for_each_identity(f); });
  }

  template <class F>
  void for_each_address(F&& f) const {
    read([&](const peer_table& t) { t.for_each_address(f); });
  }

private:
  static constexpr size_t packed_bytes = 64;

  /// A table on the stack, without any heap.
  struct unpacked {
    static constexpr uint32_t capacity = 4; // One more than fits packed.
    explicit unpacked(const peer_set& from);
    alignas(8) std::array<uint8_t, capacity * peer_list::entry_bytes(6)> block4;
    alignas(8) std::array<uint8_t, capacity * peer_list::entry_bytes(18)> block6;
    peer_table table;
  };

  template <class F>
  void read(F&& f) const {
    if (on_heap_)
      f(static_cast<const peer_table&>(*table_));
    else
      f(static_cast<const peer_table&>(unpacked{*this}.table));
  }

  /// Runs `f` on the table and packs it afterwards, or takes it to the heap.
  template <class F>
  auto write(F&& f);

  bool fits(const peer_table& table) const;
  void pack(const peer_table& table);
  void keep(peer_table& table);
  uint32_t next_deadline() const;
  void to_heap(std::unique_ptr<peer_table> table);
  void leave_heap();

  const peer_table_config* config_;
  uint64_t completed_ : 48 = 0; // Of a packed set; more is not told apart.
  uint64_t v4_ : 4 = 0;         // Packed addresses.
  uint64_t v6_ : 4 = 0;
  uint64_t on_heap_ : 1 = 0;
  union {
    peer_table* table_;                       // If on_heap_.
    std::array<uint8_t, packed_bytes> bytes_; // Else: v4_ times 20 bytes, v6_ times 32.
  };
};

} // namespace shoal
