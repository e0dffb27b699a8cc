// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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
    unsatisfiable, ///< 416 with `content_range_unsatisfiable`.
  };

  kind what = kind::whole;
  byte_range range; ///< Lies inside of the content if `what` is `partial`.

  bool operator==(const range_answer&) const = default;
};

/// Reads a Range header for a GET of content with `size` bytes.
///
/// A header that is empty, malformed or of another unit is ignored, as the RFC asks. Several
/// ranges are answered with the whole content, which the RFC allows and which spares the server
/// from overlapping ones; none of the web seed clients asks for several. If none of them can be
/// satisfied the answer is 416. Numbers beyond 2^64-1 are clamped.
/// @source RFC 9110 section 14.2.
range_answer parse_range(std::string_view header, uint64_t size);

/// "bytes 0-99/1000": the Content-Range of a 206.
std::string content_range(const byte_range& range, uint64_t size);

/// "bytes */1000": the Content-Range of a 416.
std::string content_range_unsatisfiable(uint64_t size);

/// Whether a Range header counts in the face of an If-Range header: only if that is empty (not
/// sent) or exactly the strong `etag` with its quotes. Weak tags and dates never match, so that a
/// changed file is sent whole. @source RFC 9110 section 13.1.5.
bool if_range_holds(std::string_view header, std::string_view etag);

} // namespace shoal
