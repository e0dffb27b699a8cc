// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/chunk_map.hpp"
#include "protocol/digest.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace shoal {

/// Hashes that parts of a file can be checked against. One of both kinds, or none.
struct piece_hashes {
  uint32_t piece_length_bytes = 0; ///< A power of two for v2.
  std::vector<sha256_digest> v2;   ///< The piece layer, or the pieces root of a file of one piece.
  std::vector<sha1_digest> v1;     ///< Of a file that begins with a piece. @source BEP 3, BEP 47
};

struct partial_spec {
  static constexpr uint32_t chunk_bytes_default = 4 * 1024 * 1024;

  uint64_t size_bytes = 0;
  std::optional<sha256_digest> sha256; ///< What all of it should hash to.
  std::string validator; ///< Such as an ETag; another one begins anew. At most 1024 bytes.
  std::shared_ptr<const piece_hashes> pieces;
  uint32_t chunk_bytes = chunk_bytes_default; ///< Rounded up to whole pieces.
};

/// A file on its way here in pieces, from an origin or from a client that uploads: bytes may come
/// in any order of chunks, and within a chunk from its begin on. A chunk can be read when it is
/// whole and, if there are hashes of pieces, right. What `sync` has seen survives a crash and is
/// found again under the same key. The file is hashed as its beginning grows.
///
/// Files: `<folder>/<key>.data` and `.map`. All functions may be called from any thread, and all do
/// disk I/O but those that say what is there. One process, and one object, per key.
class partial_object {
public:
  /// Goes on with what is there, if it is the same, or begins anew.
  /// @errors ec::invalid_argument (a spec that contradicts itself), ec::too_large (too many
  /// chunks), ec::storage_full (room for all of it is taken now), ec::storage_failed.
  static result<std::unique_ptr<partial_object>>
  open(const std::filesystem::path& folder, const sha256_digest& key, const partial_spec& spec);

  struct listed {
    sha256_digest key;
    partial_header header;
  };

  /// What a restart finds, to go on with or to remove. Files that are none of these are removed.
  static std::vector<listed> list(const std::filesystem::path& folder);

  /// @returns as what the file was begun that is there under the key. Disk I/O.
  static std::optional<partial_header> begun(const std::filesystem::path& folder,
                                             const sha256_digest& key);

  static void remove(const std::filesystem::path& folder, const sha256_digest& key);

  // -- what is there -----------------------------------------------------------------------

  uint64_t size_bytes() const { return header_.size_bytes; }
  uint32_t chunk_bytes() const { return header_.chunk_bytes; }
  uint32_t chunk_count() const { return chunk_count_; }
  uint32_t length_of(uint32_t chunk) const;

  bool has(uint32_t chunk) const;
  bool is_whole() const;
  uint64_t ready_bytes() const;

  /// @returns how many bytes from there on can be read without a gap, at most `max`.
  uint64_t ready_from(uint64_t offset, uint64_t max) const;

  /// @returns up to where an upload has come: with the begun chunk, unlike `ready_from`.
  uint64_t prefix_bytes() const;

  /// Open for reading; of the bytes in it only those count that are ready. Lives as long as this.
  int fd() const { return data_.get(); }

  /// As `read_full`: @returns fewer bytes where the next chunk is not here.
  result<size_t> read(uint64_t offset, std::span<uint8_t> out) const;

  // -- what comes --------------------------------------------------------------------------

  /// Writes bytes; those that are here already are passed over.
  /// @returns the chunks that have become whole.
  /// @errors ec::range_unsatisfiable (beyond the end, or with a gap in a chunk), ec::conflict
  /// (another thread writes this chunk), ec::hash_mismatch (a chunk's pieces are wrong: its bytes
  /// are forgotten), ec::storage_full, ec::storage_failed.
  result<std::vector<uint32_t>> write(uint64_t offset, std::span<const uint8_t> bytes);

  /// Makes what was written so far survive. @errors ec::storage_full (what is here stays readable),
  /// ec::storage_failed (if it was the bytes' sync, what it was for is forgotten: `has` tells).
  result<void> sync();

  /// Bytes of whole chunks that a crash would take.
  uint64_t unsynced_bytes() const;

  /// Hashes up to so many bytes of the beginning. `write` does it too, as chunks come.
  result<void> hash_some(uint64_t budget_bytes);

  /// Whether `finish` has nothing left to hash.
  bool is_hashed() const;

  using placer = std::function<result<void>(const std::filesystem::path&, const sha256_digest&)>;

  /// Ends it: syncs, hashes the rest and gives the file away by `place` (object_store::take, or
  /// room::fill). It can be read through this object still. @returns the file's hash.
  /// @errors ec::unavailable (it is not whole), ec::hash_mismatch, or what `place` says; then it
  /// goes on as it was.
  result<sha256_digest> finish(const placer& place);

  /// Removes its files.
  void discard();

private:
  struct filling {
    uint32_t bytes = 0;
    bool busy = false;   ///< Somebody writes, or checks.
    bool noted = false;  ///< In the map on disk.
    bool spoilt = false; ///< Forgotten while busy.
  };

  partial_object() = default;

  result<void> begin_anew();
  result<bool> go_on();
  result<bool> write_chunk(uint32_t chunk, uint32_t begin, std::span<const uint8_t> bytes);
  result<void> check_pieces(uint32_t chunk) const;
  bool may_hash_next();
  result<void> hash_locked(uint64_t budget_bytes);
  void forget_locked(uint32_t chunk);
  result<void> read_exactly(uint64_t offset, std::span<uint8_t> out) const;

  std::filesystem::path data_path_;
  std::filesystem::path map_path_;
  sha256_digest key_;
  partial_header header_;
  std::shared_ptr<const piece_hashes> pieces_;
  uint32_t chunk_count_ = 0;
  unique_fd data_;

  mutable std::mutex mutex_; ///< Of what is there; never held during I/O.
  std::vector<bool> ready_;
  std::map<uint32_t, filling> filling_;
  std::vector<uint32_t> unsynced_;
  uint64_t ready_bytes_ = 0;
  uint64_t forgotten_ = 0; ///< Grows when chunks that were ready are not any more.

  std::mutex sync_mutex_; ///< Taken before `mutex_`.
  std::optional<chunk_map> map_;

  mutable std::mutex hash_mutex_; ///< Taken before `mutex_`.
  sha256_hasher hasher_;
  uint32_t hashed_chunks_ = 0;
  uint64_t hashed_when_forgotten_ = 0;
  std::optional<sha256_digest> digest_;
};

} // namespace shoal
