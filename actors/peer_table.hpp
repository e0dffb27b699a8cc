// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/client_names.hpp"
#include "actors/keyed_hash.hpp"
#include "actors/peer_list.hpp"
#include "actors/peer_policy.hpp"
#include "core/defaults.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"
#include "core/net.hpp"
#include "protocol/announce.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

struct delta_piece;  // protocol/swarm_delta.hpp
struct replica_peer; // The same.

/// Seconds of the monotonic clock since any fixed moment; all that a swarm needs to know of time.
using coarse_seconds = uint32_t;

/// Shared by all tables of a node, and outlives them.
struct peer_table_config {
  uint32_t ttl_s = 2 * 1800;           ///< A peer unheard of for so long is dropped.
  uint32_t restored_ttl_s = 900;       ///< The same for a peer that came out of a snapshot.
  uint32_t addresses_max = 100'000;    ///< Per table; the oldest address makes room for a new one.
  bool private_network = false;        ///< Hand out addresses that the Internet cannot reach, too.
  bool keep_peer_ids = false;          ///< 20 more bytes per address, for `compact=0` replies.
  hash_key secret;                     ///< Against chosen addresses that collide in big tables.
  client_names* clients = nullptr;     ///< Gives clients their numbers; null: all are unknown.
  const peer_policy* policy = nullptr; ///< Whom to hand out first; null: random peers.
  uint32_t policy_mix_percent = 25;    ///< Share of random peers beside those of the policy.
};

struct announce_input {
  endpoint peer;
  uint64_t identity = 0; ///< Keyed hash of peer id and BEP 3 `key`, by the caller.
  peer_id id;
  uint64_t left_bytes = 0; ///< 0 marks a seeder; unknown is a leecher, say UINT64_MAX.
  announce_event event = announce_event::none;
  uint32_t numwant = defaults::numwant;
  bool want_peer_ids = false;   ///< Fill `handout::ids4` and `ids6` as well.
  bool own_family_only = false; ///< BEP 15 replies hold one family.
  bool no_room = false;         ///< A new address takes the place of the oldest one.
};

/// Peers in wire form are appended to the caller's strings; nothing is cleared.
struct handout {
  std::string peers4; ///< 6 bytes each. @source BEP 23
  std::string peers6; ///< 18 bytes each. @source BEP 7
  std::string ids4;   ///< 20 bytes each, in the order of `peers4`; empty if ids are not kept.
  std::string ids6;

  void clear();
};

/// Each peer counts once, however many addresses it has. @source BEP 48, BEP 21
struct swarm_counts {
  uint32_t seeders = 0;
  uint32_t leechers = 0; ///< Everybody who is not a seeder: includes partial seeds ("incomplete").
  uint32_t downloaders = 0; ///< Leechers that are no partial seeds.
  uint64_t completed = 0;   ///< Downloads finished in the swarm's life ("downloaded").

  bool operator==(const swarm_counts&) const = default;
};

/// What became of a peer, for those who count over several swarms: see union_counts.
struct peer_change {
  enum class to : uint8_t { leecher, seeder, gone };
  uint64_t identity;
  to state; ///< A partial seed is a leecher here.

  bool operator==(const peer_change&) const = default;
};

struct announce_output {
  swarm_counts counts;        ///< After the announce.
  bool completed_now = false; ///< The first `completed` of this peer.
  bool joined = false;        ///< Unknown before.
  bool left = false;          ///< Known before and stopped now.
  bool state_changed = false; ///< Known before with another state.
};

struct usage_report {
  uint64_t identity = 0;
  ip_family family = ip_family::v4; ///< Over which the announce came.
  announce_event event = announce_event::none;
  uint64_t uploaded_bytes = 0; ///< Totals of the client's session.
  uint64_t downloaded_bytes = 0;
};

struct usage_delta {
  uint64_t uploaded_bytes = 0;
  uint64_t downloaded_bytes = 0;

  bool operator==(const usage_delta&) const = default;
};

/// One address of a peer, as `peer_table::for_each_address` shows it.
struct peer_view {
  endpoint address;
  uint64_t identity;
  peer_state state;
  bool second_address;     ///< A v6 address of a peer that has been shown with its v4 one.
  const peer_id* id;       ///< Null if ids are not kept.
  uint8_t client;          ///< See client_names; 0 is unknown.
  coarse_seconds deadline; ///< When it expires.
};

/// The peers of one swarm. Pure: time and randomness are parameters. Costs 20 bytes per v4 address
/// and 32 per v6 one, plus a tenth of slack; 20 more with peer ids, 8 with a policy that looks at
/// places, and about 11 more in tables beyond `peer_list::scan_max` addresses, where an index
/// replaces the scan. Swarms hold theirs in a peer_set, which packs small ones.
///
/// A peer is an *identity*. It has at most one address per family; a new one replaces the old one,
/// and an address belongs to the identity that announced it last. When `addresses_max` is reached,
/// the address that was not heard of for the longest time is evicted.
class peer_table {
public:
  /// Completers that left and are remembered, so that they do not count again when they return.
  static constexpr size_t recent_completers_max = 1024;

  /// Identities with accounting; beyond that, new ones are credited nothing until old ones expire.
  static constexpr size_t usage_bases_max = 200'000;

  /// @param config is kept by reference.
  explicit peer_table(const peer_table_config& config);
  ~peer_table();
  peer_table(peer_table&&) noexcept;
  peer_table& operator=(peer_table&&) noexcept;

  /// Records an announce and appends at most `numwant` peers to `out`: random neighbours, never the
  /// asker's own addresses, no seeds for seeds (but for one that starts), at least three quarters
  /// of the asker's family as far as there are that many. A `stopped` gets none and removes both of
  /// the peer's addresses.
  /// @param random any 64 random bits.
  /// @param changes if not null, gets what happened to this peer and to those it displaced; who has
  /// only got or lost an address is reported with the state that it has.
  announce_output announce(const announce_input& in, coarse_seconds now, uint64_t random,
                           handout& out, std::vector<peer_change>* changes = nullptr);

  /// What a user is to be credited with since the last report of the same identity. The first
  /// report, `started` and totals that go backwards only set the base. The same totals over the
  /// other family credit nothing again. Never call it for announces without a user: it costs
  /// memory.
  usage_delta account(const usage_report& report, coarse_seconds now);

  /// Forgets what was reported, so that the next reports only set bases again.
  void forget_usage();

  /// Drops what is older than its time to live. Looks at the peers only if one may be due, and not
  /// more often than every `size / 4096` seconds.
  /// @returns how many addresses were dropped.
  size_t expire(coarse_seconds now, std::vector<peer_change>* changes = nullptr);

  /// Drops all peers (a takedown). The completions stay.
  void clear(std::vector<peer_change>* changes = nullptr);

  swarm_counts counts() const;

  /// Sets lifetime completions, e.g. from the store.
  void set_completed(uint64_t completed) { completed_ = completed; }

  /// Whether an address of that peer is known.
  bool knows(uint64_t identity) const {
    return v4_.find_identity(identity) != peer_list::none
           || v6_.find_identity(identity) != peer_list::none;
  }

  /// A peer says elsewhere than in an announce of its address that it has completed its download.
  /// @returns whether that is its first completion.
  bool complete(uint64_t identity);

  /// Number of peers; those with two addresses count once.
  size_t peers() const { return size_t{seeders_} + leechers_ + partials_; }

  /// Number of addresses, v4 and v6.
  size_t addresses() const { return v4_.size() + v6_.size(); }

  bool empty() const { return v4_.size() == 0 && v6_.size() == 0; }

  /// Has the processor fetch where an announce over this family looks first.
  void prefetch_addresses(ip_family family) const {
    (family == ip_family::v4 ? v4_ : v6_).prefetch();
  }

  /// Calls `f(uint64_t identity, peer_state)` once per peer.
  template <class F>
  void for_each_identity(F&& f) const;

  /// Calls `f(const peer_view&)` once per address, for statistics.
  template <class F>
  void for_each_address(F&& f) const;

  /// Appends everything, completions and accounting included, as bytes of a versioned format.
  void export_to(std::string& out, coarse_seconds now) const;

  /// Replaces the content by what `export_to` wrote, maybe on another machine; peers live for
  /// `restored_ttl_s` at most unless they announce again. Beyond `addresses_max` they are ignored.
  /// @errors ec::corrupt (operational); the table is empty then.
  result<void> import_from(std::string_view bytes, coarse_seconds now);

  // -- what owner and standby tell each other: peer_table_replica.cpp -----------------

  /// @returns nothing if the peer is not known.
  std::optional<replica_peer> describe(uint64_t identity) const;

  /// Makes a peer be as described, whoever has its addresses.
  /// @param changes as of `announce`, without the peer itself.
  void mirror(const replica_peer& x, coarse_seconds deadline,
              std::vector<peer_change>* changes = nullptr);

  /// Makes the peers of a range of identities be those of the piece.
  /// @param present who may be here and not in the piece, ascending; null: anybody.
  void mirror(const delta_piece& x, coarse_seconds deadline,
              const std::vector<uint64_t>* present = nullptr);

  /// As if the peer had said that it stops. @returns whether it was known.
  bool remove(uint64_t identity);

  /// Describes the peers with the smallest identities from `from` on.
  /// @param peers_max at least 1.
  /// @returns where the next piece begins; nothing if this is the last one.
  std::optional<uint64_t> cut(uint64_t from, size_t peers_max, delta_piece& piece) const;

  /// Gives all peers the same time to live.
  void renew(coarse_seconds deadline);

  /// Bytes on the heap and in the object itself, without the allocator's own overhead.
  size_t memory_bytes() const;

private:
  friend class peer_set;
  struct extras;
  class snapshot_reader;
  class choice;

  /// A table whose lists begin in the caller's memory.
  peer_table(const peer_table_config& config, peer_list v4, peer_list v6);

  /// Where the announcing peer's addresses are, or peer_list::none.
  struct position {
    uint32_t own;   // In the list of the family of the announce.
    uint32_t other; // In the list of the other family.
  };

  /// What one list gives to a handout: `count` of the positions before `end`, not `self`.
  struct portion {
    uint32_t self;
    uint32_t end;
    uint32_t count;
    uint64_t random;
    bool with_ids;
  };

  using changes_ptr = std::vector<peer_change>*;

  peer_list& list(ip_family family) { return family == ip_family::v4 ? v4_ : v6_; }
  peer_list& other(const peer_list& l) { return &l == &v4_ ? v6_ : v4_; }

  void count(peer_state state, int by);
  position make_room(const announce_input& in, const address_key& address, changes_ptr changes);
  void place(const announce_input& in, const address_key& address, peer_state state,
             coarse_seconds now, position& at);
  void drop_address(peer_list& l, uint32_t at, changes_ptr changes);
  bool take_out(uint64_t identity);
  void evict_oldest(changes_ptr changes);
  void evict_oldest_of_few(changes_ptr changes);
  size_t expire_list(peer_list& l, coarse_seconds now, changes_ptr changes);
  bool note_completion(const announce_input& in, const position& at);
  void remember_completer(uint64_t identity);
  void hand_out(const announce_input& in, const position& at, uint64_t random, handout& out) const;
  void hand_out_chosen(const peer_list& l, const party& asker, const portion& part,
                       handout& out) const;
  peer_list::keeping kept() const;
  whereabouts locate(const ip_address& address) const;
  void locate_all();
  void stop(const announce_input& in, announce_output& result, changes_ptr changes);
  bool import_addresses(peer_list& l, snapshot_reader& in, uint32_t entries, bool with_ids,
                        coarse_seconds now);
  bool import_all(std::string_view bytes, coarse_seconds now);
  extras& rare();

  const peer_table_config* config_;
  peer_list v4_{6};
  peer_list v6_{18};
  std::unique_ptr<extras> extras_; // What few swarms have.
  uint64_t completed_ = 0;
  uint32_t seeders_ = 0;
  uint32_t leechers_ = 0; // Without partial seeds.
  uint32_t partials_ = 0;
  coarse_seconds next_scan_ = UINT32_MAX; // No address is due before.
};

template <class F>
void peer_table::for_each_identity(F&& f) const {
  for (uint32_t i = 0; i < v4_.size(); ++i)
    f(v4_.identity(i), v4_.state(i));
  for (uint32_t i = 0; i < v6_.size(); ++i)
    if (!v6_.has(i, peer_list::flag_paired))
      f(v6_.identity(i), v6_.state(i));
}

template <class F>
void peer_table::for_each_address(F&& f) const {
  for (auto l : {&v4_, &v6_})
    for (uint32_t i = 0; i < l->size(); ++i)
      f(peer_view{l->address(i), l->identity(i), l->state(i),
                  l == &v6_ && l->has(i, peer_list::flag_paired), l->id(i), l->client(i),
                  l->deadline(i)});
}

} // namespace shoal
