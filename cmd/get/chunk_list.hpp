// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::get {

/// Bytes `first` to `end` of a file, `end` not included.
struct chunk {
  uint64_t first = 0;
  uint64_t end = 0;

  bool operator==(const chunk&) const = default;
};

/// A chunk that is there, and of which file.
struct noted_chunk {
  size_t file = 0;
  chunk range;
};

/// What is fetched with one request at most.
inline constexpr uint64_t chunk_bytes_max = 8 * 1024 * 1024;

/// "FILE FIRST END\n"
std::string chunk_line(const noted_chunk& note);

/// Reads such lines; what is none, as the last one after a crash, is left out.
std::map<size_t, std::vector<chunk>> read_chunks(std::string_view text);

/// @param held in any order, may overlap or lie outside.
/// @returns what is missing of a file, in order, in chunks of at most `chunk_bytes_max` bytes.
std::vector<chunk> missing_chunks(uint64_t size_bytes, std::vector<chunk> held);

} // namespace shoal::get
