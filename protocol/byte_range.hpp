// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

/// Bytes `first` to `last`, both included.
struct byte_range {
  uint64_t first = 0;
  uint64_t last = 0;

  uint64_t length() const { return last - first + 1; }

  bool operator==(const byte_range&) const = default;
};

/// How to answer a request that may carry a Range header.
struct range_answer {
  enum class kind : uint8_t {
    whole,         ///< 200 with all bytes.
    partial,       ///< 206 with `range`, also if it covers the whole content.
    several,       ///< 206 with `ranges` in parts, or whole.
    unsatisfiable, ///< 416 with `content_range_unsatisfiable`.
  };

  kind what = kind::whole;
  byte_range range;                    ///< Lies inside of the content if `what` is `partial`.
  std::vector<byte_range> ranges = {}; ///< If `what` is `several`: inside of it, none overlap.

  bool operator==(const range_answer&) const = default;
};

/// Reads a Range header for a GET of content with `size` bytes.
///
/// A header that is empty, malformed or of another unit is ignored, as the RFC asks, and so are
/// ranges that overlap and more than limits::ranges_max of them. Of several, those that cannot be
/// satisfied are left out; if none can, the answer is 416. Numbers beyond 2^64-1 are clamped.
/// @source RFC 9110 section 14.2.
range_answer parse_range(std::string_view header, uint64_t size);

/// "bytes 0-99/1000": the Content-Range of a 206.
std::string content_range(const byte_range& range, uint64_t size);

/// The body of an answer with several ranges: before each its head, after the last the tail.
/// @source RFC 9110 sections 14.6 and 15.3.7.2.
struct byte_parts {
  std::vector<byte_range> ranges;
  std::vector<std::string> heads; ///< As many.
  std::string tail;
  std::string content_type; ///< Of the answer.
  uint64_t size_bytes = 0;  ///< Of all of it.
};

/// @param boundary must not occur in the content behind a line break and two dashes.
byte_parts make_byte_parts(std::vector<byte_range> ranges, uint64_t size,
                           std::string_view content_type, std::string_view boundary);

/// "bytes */1000": the Content-Range of a 416.
std::string content_range_unsatisfiable(uint64_t size);

/// Whether a Range header counts in the face of an If-Range header: only if that is empty (not
/// sent) or exactly the strong `etag` with its quotes. Weak tags and dates never match, so that a
/// changed file is sent whole. @source RFC 9110 section 13.1.5.
bool if_range_holds(std::string_view header, std::string_view etag);

} // namespace shoal
