// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is stored. Each record is a msgpack array whose first field is its schema version; fields
/// are only ever appended, so an older program skips what it does not know and a newer one gives
/// absent fields their default. `decode_*` never throw, bound what they allocate by the size of
/// the input, and return ec::corrupt for anything that `encode` cannot have written.
namespace shoal {

/// A registry entry: table `entries`. Its key is the primary hash: the 32-byte v2 hash, or the
/// 20-byte v1 hash where there is no v2 (`entry_key`).
struct entry_record {
  std::optional<info_hash> v1;
  std::optional<sha256_digest> v2; ///< At least one of the two.
  std::string name;
  std::string description;
  std::string publisher;
  std::string license;
  std::string category;
  std::string tags; ///< As the publisher wrote them: comma-separated.
  uint64_t size_bytes = 0;
  bool verified = false;
  uint64_t completions = 0;
  unix_seconds created_at = 0;
  unix_seconds updated_at = 0;
  std::optional<sha256_digest> torrent_object; ///< The metainfo, if the node has it.
  std::string model_ref;                       ///< "ns/name@rev", or empty.
  bool is_private = false;                     ///< BEP 27.
  std::optional<info_hash> twin_v1; ///< The v1-only torrent of the same files, if one was made.
  std::optional<sha256_digest> twin_torrent_object; ///< Its metainfo.

  bool operator==(const entry_record&) const = default;
};

/// Another name of an entry: table `aliases`, key = a 20-byte hash (v1, or truncated v2).
struct alias_record {
  std::string primary_key; ///< 20 or 32 bytes.

  bool operator==(const alias_record&) const = default;
};

/// A revision of a model or dataset: table `refs`, key = "ns/name@rev" ("name@rev" for names of
/// one segment).
struct ref_record {
  sha256_digest manifest;
  std::string kind; ///< "model", "dataset" or "space".
  unix_seconds created_at = 0;
  uint64_t size_bytes = 0; ///< Of all files, without padding.
  uint64_t file_count = 0;
  std::vector<std::string>
      entry_keys; ///< Primary keys of its torrents: hybrid first, then v1 only.
  bool is_private = false;
  std::string successor;  ///< The commit (a `rev`) that was made on top of it; empty if none was.
  bool is_mirror = false; ///< Of a commit of an origin: its files may be evicted, and pulled again.

  bool operator==(const ref_record&) const = default;
};

/// A hash that nobody may register or announce: table `blocked`, key = 20 or 32 byte hash.
struct blocked_record {
  std::string reason;
  unix_seconds blocked_at = 0;

  bool operator==(const blocked_record&) const = default;
};

/// What a user moved, summed from announce deltas: table `users`, key = user id.
struct usage_record {
  uint64_t uploaded_bytes = 0;
  uint64_t downloaded_bytes = 0;
  uint64_t announces = 0;
  unix_seconds first_seen = 0;
  unix_seconds last_seen = 0;

  bool operator==(const usage_record&) const = default;
};

/// That somebody has accepted a licence: table `acceptances`, key = principal, a zero and the
/// model's id.
struct acceptance_record {
  std::string who;                   ///< What people call the principal.
  std::string license;               ///< The licence's name, as the publisher wrote it.
  std::optional<sha256_digest> text; ///< Of the text that was accepted, if the model has one.
  unix_seconds accepted_at = 0;

  bool operator==(const acceptance_record&) const = default;
};

/// Where the bytes of an object are if they are not ours, and how the file was when they hashed to
/// the object's name.
struct in_place_record {
  std::string path; ///< Absolute.
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  bool trusted = false; ///< Else it must be hashed before it is served.

  bool operator==(const in_place_record&) const = default;
};

/// An object on this node: table `objects` of an object index, key = its SHA-256.
struct object_record {
  uint64_t size_bytes = 0;
  bool kept = false; ///< Published or uploaded; else pulled, and evicted when room is needed.
  bool lost = false; ///< Somebody pins it, and its bytes are gone or were wrong.
  uint64_t pins = 0; ///< Owners in table `pins`.
  unix_seconds added_at = 0;
  unix_seconds verified_at = 0; ///< When its bytes were last hashed; 0: do it soon.
  uint64_t hits = 0;            ///< What the cache knew of it when the node stopped: 0..3,
  bool settled = false;         ///< and whether it had outlived its first chance.
  std::optional<in_place_record> in_place;

  bool operator==(const object_record&) const = default;
};

/// @returns the key of an entry in table `entries`; empty if it has neither hash.
std::string entry_key(const entry_record& entry);

std::string encode(const entry_record& x);
std::string encode(const alias_record& x);
std::string encode(const ref_record& x);
std::string encode(const blocked_record& x);
std::string encode(const usage_record& x);
std::string encode(const acceptance_record& x);
std::string encode(const object_record& x);

result<entry_record> decode_entry(std::string_view bytes);
result<alias_record> decode_alias(std::string_view bytes);
result<ref_record> decode_ref(std::string_view bytes);
result<blocked_record> decode_blocked(std::string_view bytes);
result<usage_record> decode_usage(std::string_view bytes);
result<acceptance_record> decode_acceptance(std::string_view bytes);
result<object_record> decode_object(std::string_view bytes);

} // namespace shoal
