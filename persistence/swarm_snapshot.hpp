// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/ids.hpp"
#include "persistence/posix_file.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Swarms on disk, so that peers survive a restart. Streamed: memory is one swarm and a buffer.
///
///     header   "SHOALSWM" | version u32 | flags u32 (1 = clean) | written_at i64 | crc u32
///     swarm*   'S' | info-hash 20 | downloaded u64 | body length u32 | body | crc u32
///     trailer  'E' | swarm count u64 | crc u32
///
/// Numbers are big endian; each CRC-32 covers its part from the first byte to itself.
namespace shoal {

struct snapshot_header {
  unix_seconds written_at = 0;
  bool clean = false; ///< Written by an orderly shutdown, so nothing happened afterwards.

  bool operator==(const snapshot_header&) const = default;
};

/// One swarm as the snapshot sees it.
struct swarm_image {
  static constexpr size_t body_bytes_max = size_t{64} << 20;

  info_hash hash;
  uint64_t downloaded = 0; ///< Completions, for scrapes (BEP 48).
  std::string body;        ///< Made and understood by the swarm alone; 0..body_bytes_max bytes.

  bool operator==(const swarm_image&) const = default;
};

/// Writes `<path>.tmp` and renames it on `finish`; destroyed before, it leaves an older snapshot as
/// it was. After an error the only sensible call is the destructor.
class swarm_snapshot_writer {
public:
  /// @errors ec::storage_full, ec::storage_failed.
  static result<swarm_snapshot_writer> open(const std::filesystem::path& path);

  swarm_snapshot_writer(swarm_snapshot_writer&& other) noexcept;
  swarm_snapshot_writer& operator=(swarm_snapshot_writer&&) = delete;
  ~swarm_snapshot_writer();

  /// Once, before the first swarm.
  result<void> begin(const snapshot_header& header);

  /// @errors ec::too_large (the body), ec::storage_full, ec::storage_failed.
  result<void> add(const swarm_image& swarm);

  /// The snapshot is on disk under its name when this returns.
  result<void> finish();

private:
  swarm_snapshot_writer() = default;
  result<void> flush();
  result<void> append(std::string_view bytes);
  result<void> append_part(std::string_view head, std::string_view body = {});

  std::filesystem::path path_;
  std::filesystem::path temp_; ///< Empty when there is nothing to remove.
  unique_fd fd_;
  std::string buffer_;
  uint64_t count_ = 0;
};

/// What a reader got out of a file.
struct snapshot_report {
  uint64_t swarms = 0;         ///< Good ones, all handed out.
  std::optional<error> damage; ///< Why reading ended early: ec::corrupt or ec::storage_failed.
};

class swarm_snapshot_reader {
public:
  /// @errors ec::not_found, ec::corrupt (the header), ec::unsupported (a newer version),
  /// ec::storage_failed.
  static result<swarm_snapshot_reader> open(const std::filesystem::path& path);

  const snapshot_header& header() const { return header_; }

  /// Hands out the swarms in file order up to the end or the first damage. Once per reader.
  snapshot_report for_each(const std::function<void(swarm_image&&)>& visit);

private:
  swarm_snapshot_reader() = default;
  result<void> read_header();
  result<void> read(char* out, size_t size);
  result<bool> next(swarm_image& out, uint64_t expected_count);

  std::filesystem::path path_;
  unique_fd fd_;
  uint64_t left_bytes_ = 0; ///< Of the file, not yet handed to a parser.
  std::string buffer_;
  size_t buffer_used_ = 0;
  snapshot_header header_;
};

} // namespace shoal
