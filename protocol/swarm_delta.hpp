// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/limits.hpp"
#include "core/net.hpp"
#include "protocol/packed_bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What changes in the swarms of a slot, as its owner tells the standby. All facts are absolute
/// ("this peer has these addresses now"), so one that is said twice does no harm. A refresh of a
/// peer that is known already is no change and is not told: the owner says when a peer has gone,
/// and the standby counts no time.
///
///     fact: u8 kind | fields
///
/// A fact about a swarm concerns the one that was named last in the same batch.
namespace shoal {

inline constexpr size_t delta_body_bytes_max = limits::replica_batch_bytes_max; ///< Of a batch.
inline constexpr size_t delta_listed_max
    = limits::replica_listed_max; ///< Swarms in one `delta_range`.

/// All that the standby must know of a peer.
struct replica_peer {
  uint64_t identity = 0;
  uint8_t state = 0;      ///< 0 leecher, 1 seeder, 2 partial seed.
  bool completed = false; ///< Its completion has been counted.
  std::optional<endpoint> v4;
  std::optional<endpoint> v6; ///< At least one of the two.
  std::optional<peer_id> id;  ///< If the cluster's swarms remember ids (ADR 11).

  bool operator==(const replica_peer&) const = default;
};

/// The facts that follow are about this swarm.
struct delta_swarm {
  info_hash hash;

  bool operator==(const delta_swarm&) const = default;
};

/// A peer came or changed.
struct delta_peer {
  replica_peer peer;

  bool operator==(const delta_peer&) const = default;
};

/// A peer left, expired or was displaced.
struct delta_gone {
  uint64_t identity = 0;

  bool operator==(const delta_gone&) const = default;
};

/// Numbers of the swarm that are not in its peers.
struct delta_numbers {
  uint64_t completed = 0; ///< Downloads finished in the swarm's life.
  uint32_t age_s = 0;     ///< Since its first announce: young swarms have short intervals.

  bool operator==(const delta_numbers&) const = default;
};

/// Everybody in the swarm has gone; its numbers stay.
struct delta_cleared {
  bool operator==(const delta_cleared&) const = default;
};

/// The swarm has gone with all that it had.
struct delta_dropped {
  bool operator==(const delta_dropped&) const = default;
};

/// A full sync begins.
struct delta_sync_begin {
  bool operator==(const delta_sync_begin&) const = default;
};

/// Of a full sync: in `from <= hash <= to` there are these swarms and no others.
struct delta_range {
  info_hash from;
  info_hash to;
  std::vector<info_hash> swarms; ///< Ascending.

  bool operator==(const delta_range&) const = default;
};

/// Of a full sync: in `from <= identity <= to` the swarm has these peers and no others.
struct delta_piece {
  uint64_t from = 0;
  uint64_t to = UINT64_MAX;
  std::vector<replica_peer> peers;

  bool operator==(const delta_piece&) const = default;
};

/// The standby has had all.
struct delta_sync_end {
  bool operator==(const delta_sync_end&) const = default;
};

using swarm_fact
    = std::variant<delta_swarm, delta_peer, delta_gone, delta_numbers, delta_cleared, delta_dropped,
                   delta_sync_begin, delta_range, delta_piece, delta_sync_end>;

void append_fact(std::string& out, const swarm_fact& x);

/// What `append_fact` does with a `delta_peer`, without a copy.
void append_peer_fact(std::string& out, const replica_peer& x);

/// Bytes that such a fact takes at most.
inline constexpr size_t delta_peer_bytes_max = 1 + 8 + 6 + 18 + peer_id::size_bytes;

/// Reads the facts of a batch. Bounded; never throws.
class delta_reader {
public:
  explicit delta_reader(std::string_view body);

  /// @returns whether there was another fact.
  bool next(swarm_fact& x);

  /// Whether the body is well-formed, as far as it was read.
  bool good() const { return in_.good(); }

private:
  packed_reader in_;
};

// -- batches -----------------------------------------------------------------------

/// What stands before the facts of a batch.
///
///     u8 slot | u8 flags (1: fresh) | epoch | number | facts
struct delta_batch {
  uint8_t slot = 0;
  bool fresh = false;    ///< Begins with a full sync: batches before it do not matter.
  uint64_t epoch = 0;    ///< Of the owner; 1..
  uint64_t number = 0;   ///< One more than that of the batch before, within the epoch.
  std::string_view body; ///< Facts.

  bool operator==(const delta_batch&) const = default;
};

std::string encode(const delta_batch& x);

/// @returns nothing for what `encode` cannot have written; the facts are not looked at.
std::optional<delta_batch> decode_delta_batch(std::string_view frame);

/// What the standby says to a batch.
struct delta_ack {
  enum class verdict : uint8_t {
    applied, ///< All up to `number`.
    resend,  ///< Something is missing: send again what comes after `number`.
    resync,  ///< Batch `number` makes no sense here: begin a full sync.
    refused, ///< There is a newer owner, of the epoch `epoch`: stop.
    sentinel_
  };
  uint8_t slot = 0;
  verdict what = verdict::applied;
  uint64_t epoch = 0;  ///< Of the batch, or of the newer owner.
  uint64_t number = 0; ///< The last one applied, unless the verdict says otherwise.

  bool operator==(const delta_ack&) const = default;
};

std::string encode(const delta_ack& x);
std::optional<delta_ack> decode_delta_ack(std::string_view frame);

// -- many of them in one message ---------------------------------------------------

inline constexpr size_t delta_frame_bytes_max = delta_body_bytes_max + 64;

/// @param frame 0..delta_frame_bytes_max bytes; written as their number and themselves.
void append_delta_frame(std::string& out, std::string_view frame);

class delta_frame_reader {
public:
  explicit delta_frame_reader(std::string_view body) : in_{body} {}

  /// @param frame views the body. @returns whether there was another one.
  bool next(std::string_view& frame);
  bool good() const { return in_.good(); }

private:
  packed_reader in_;
};

} // namespace shoal
