// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "core/limits.hpp"
#include "core/net.hpp"
#include "protocol/announce.hpp"
#include "protocol/packed_bytes.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Announces and scrapes on their way from the node that took them to the node that owns the swarm,
/// and the answers on their way back, as bodies of link frames. A form of our own and not msgpack,
/// because announces are what there is most of (ADR 19). It changes with the links' protocol
/// version only. Readers view the body that they are given, never allocate and never throw.
///
/// An announce over IPv4 takes 45 bytes (a seed) to 54, over IPv6 twelve more; an answer with 50
/// peers of IPv4 some 315.
namespace shoal {

/// Bounds of one body. What is longer is another batch.
inline constexpr size_t link_announces_max = limits::link_announces_max;
inline constexpr size_t link_answers_max = limits::link_announces_max;
inline constexpr size_t link_scrapes_max = limits::link_scrapes_max;
inline constexpr size_t link_body_bytes_max = limits::link_announce_bytes_max;

// -- announces ---------------------------------------------------------------------

/// What a swarm must know of an announce. Not where the client is in the world: the owner looks its
/// address up in tables of its own.
struct link_announce {
  uint32_t ticket = 0; ///< The asking node's number for this announce; comes back in the answer.
  info_hash swarm;
  endpoint peer;         ///< Source address as the edge saw it.
  peer_id id;            ///< Only its first 8 bytes travel unless `whole_id`: the client's name.
  bool whole_id = false; ///< For clusters whose swarms remember peer ids (ADR 11).
  uint64_t identity = 0; ///< Keyed hash under the cluster's key.
  uint64_t uploaded_bytes = 0;   ///< 0..2^63-1; travels only with a user, as nobody else is booked.
  uint64_t downloaded_bytes = 0; ///< The same.
  uint64_t left_bytes = 0;       ///< 0..2^63-1.
  announce_event event = announce_event::none;
  uint32_t numwant = 0; ///< 0..limits::numwant_max.
  bool with_ids = false;
  bool own_family_only = false;
  std::string_view user; ///< 0..limits::user_id_bytes_max.

  bool operator==(const link_announce&) const = default;
};

/// Writes one batch. Its announces have the tickets `first`, `first + 1` and so on.
///
///     u8 flags (1: forwarded) | u32 first ticket | announce*
///     announce: u8 event, family and flags | swarm 20 | address and port 6 or 18 | u64 identity |
///               id 8 or 20 | numwant | left | user, uploaded, downloaded (if there is a user)
class link_announce_writer {
public:
  /// @param out is overwritten, and outlives the writer.
  /// @param forwarded by a node that was the owner until just now: it is not forwarded again.
  link_announce_writer(std::string& out, uint32_t first, bool forwarded);

  /// The announce's `ticket` is not looked at.
  /// @returns the ticket; nothing if the batch is full.
  std::optional<uint32_t> add(const link_announce& x);

  size_t size() const { return size_; }

private:
  std::string& out_;
  uint32_t first_;
  uint32_t size_ = 0;
};

class link_announce_reader {
public:
  explicit link_announce_reader(std::string_view body);

  bool forwarded() const { return forwarded_; }

  /// @returns whether there was another announce.
  bool next(link_announce& x);

  /// Whether the body is well-formed, as far as it was read.
  bool good() const { return in_.good(); }

private:
  packed_reader in_;
  uint32_t ticket_ = 0;
  uint32_t size_ = 0;
  bool forwarded_ = false;
};

// -- answers -----------------------------------------------------------------------

enum class link_verdict : uint8_t {
  answered,
  moved, ///< The swarm is not of the asked node: ask whoever owns it now.
  busy,  ///< No answer: treat it as one that did not come in time.
  link_verdict_sentinel_
};

/// A swarm's answer; views bytes of the caller's.
struct link_answer {
  uint32_t ticket = 0;
  link_verdict verdict = link_verdict::answered; ///< Else nothing of what follows counts.
  uint32_t interval_s = 0;
  uint32_t complete = 0;
  uint32_t incomplete = 0;
  uint64_t downloaded = 0;
  std::string_view peers4; ///< 6 bytes each, at most limits::numwant_max.
  std::string_view peers6; ///< 18 bytes each, the same.
  std::string_view ids;    ///< 20 bytes for each peer, IPv4 first; or empty.

  bool operator==(const link_answer&) const = default;
};

/// Appends to a batch of answers; they come in any order, and one batch may answer several.
///
///     answer: u32 ticket | u8 verdict and flags | interval | complete | incomplete | downloaded |
///             number of IPv4 peers | of IPv6 peers | peers | ids (if there are any)
void append_link_answer(std::string& out, const link_answer& x);

class link_answer_reader {
public:
  explicit link_answer_reader(std::string_view body) : in_{body} {}

  bool next(link_answer& x);
  bool good() const { return in_.good(); }

private:
  packed_reader in_;
  uint32_t size_ = 0;
};

// -- scrapes -----------------------------------------------------------------------

struct link_scrape {
  uint32_t ticket = 0;
  std::span<const info_hash> swarms; ///< 1..limits::scrape_hashes_max, in the caller's memory.
};

/// Appends to a batch of scrapes: u32 ticket | number | hashes.
void append_link_scrape(std::string& out, const link_scrape& x);

struct link_scraped {
  uint32_t ticket = 0;
  std::vector<info_hash> swarms;
};

class link_scrape_reader {
public:
  explicit link_scrape_reader(std::string_view body) : in_{body} {}

  bool next(link_scraped& x);
  bool good() const { return in_.good(); }

private:
  packed_reader in_;
  uint32_t size_ = 0;
};

/// Numbers of one swarm. @source BEP 48, BEP 21.
struct link_numbers {
  uint32_t complete = 0;
  uint32_t incomplete = 0;
  uint32_t downloaders = 0;
  uint64_t downloaded = 0;

  bool operator==(const link_numbers&) const = default;
};

struct link_scrape_answer {
  uint32_t ticket = 0;
  std::vector<link_numbers> numbers; ///< In the order of the hashes; empty: the swarms have moved.

  bool operator==(const link_scrape_answer&) const = default;
};

/// Appends to a batch of answers to scrapes: u32 ticket | number | numbers.
void append_link_scrape_answer(std::string& out, const link_scrape_answer& x);

class link_scrape_answer_reader {
public:
  explicit link_scrape_answer_reader(std::string_view body) : in_{body} {}

  bool next(link_scrape_answer& x);
  bool good() const { return in_.good(); }

private:
  packed_reader in_;
  uint32_t size_ = 0;
};

} // namespace shoal
