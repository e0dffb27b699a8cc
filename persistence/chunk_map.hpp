// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"
#include "persistence/posix_file.hpp"

#include <string>
#include <vector>

namespace shoal {

/// What a file in pieces is, so that another one does not go on with it.
struct partial_header {
  uint64_t size_bytes = 0;
  uint32_t chunk_bytes = 0;
  std::optional<sha256_digest> sha256;
  std::string validator; ///< What the origin calls this version, such as an ETag.

  bool operator==(const partial_header&) const = default;
};

/// Which chunks of a file are on disk, in a file beside it: a header, and a record for each chunk
/// that came, appended once its bytes are on disk. Each record has a checksum, so what a killed
/// process, or a crash, has torn off the end is told from what was written.
///
///     "SHOALPRT" | version u32 | chunk u32 | size u64 | has sha u32 | sha 32 |
///     validator length u32 | validator | crc u32
///     chunk u32 | bytes u32 | crc u32        for each record; the last one of a chunk counts
///
/// Not safe for two threads at once.
class chunk_map {
public:
  struct record {
    uint32_t chunk = 0;
    uint32_t bytes = 0; ///< From the chunk's begin on: all of them, or a part, or none again.
  };

  static constexpr size_t validator_bytes_max = 1024;

  /// Writes a new one in place of any other, on disk when this returns.
  static result<chunk_map> create(const std::filesystem::path& path, const sha256_digest& key,
                                  const partial_header& header);

  /// @param records what was written, in order. @errors ec::not_found, ec::corrupt (the header),
  /// ec::unsupported, ec::storage_failed.
  static result<chunk_map> open(const std::filesystem::path& path, const sha256_digest& key,
                                std::vector<record>& records);

  const partial_header& header() const { return header_; }

  /// The records are on disk when this returns. @errors ec::storage_full, ec::storage_failed: none
  /// of them counts.
  result<void> append(const std::vector<record>& records);

private:
  std::filesystem::path path_;
  sha256_digest key_;
  partial_header header_;
  unique_fd fd_;
  uint64_t length_ = 0; ///< Of what is valid.
};

} // namespace shoal
