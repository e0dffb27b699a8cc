// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"
#include "protocol/byte_range.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// What an origin says before the bytes: the headers of its answers, decoded and judged. Origins
/// may say anything; nothing here throws, and what is kept is bounded.
namespace shoal {

struct origin_head {
  unsigned status = 0;
  std::optional<uint64_t> content_length;
  std::string content_range;
  std::string content_encoding;
  std::string etag;        ///< As it was sent, with quotes and "W/".
  std::string linked_etag; ///< "X-Linked-Etag": of the file that a redirect leads to.
  std::optional<uint64_t> linked_size;
  std::string repo_commit; ///< "X-Repo-Commit", if it is 40 digits.
  std::string error_code;  ///< "X-Error-Code", such as "EntryNotFound".
  std::string location;
  std::string link;
  std::string retry_after;

  bool is_redirect() const {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }
};

/// Takes a line of an answer's head, with or without its line break. A status line begins anew, as
/// "100 Continue" is followed by another one. Values longer than 8 KiB are passed over.
void note_header(origin_head& head, std::string_view line);

struct content_range_parts {
  byte_range range;
  std::optional<uint64_t> size; ///< Absent: "*".

  bool operator==(const content_range_parts&) const = default;
};

/// Reads "bytes 0-99/1000". @returns nothing if it is anything else, or contradicts itself.
/// @source RFC 9110 section 14.4
std::optional<content_range_parts> parse_content_range(std::string_view text);

/// Reads seconds or a date. @returns nothing if it is neither; zero if the date is past.
/// @source RFC 9110 section 10.2.3
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, unix_seconds now);

/// @returns an entity tag without its quotes and without "W/"; empty if there is none.
std::string_view bare_etag(std::string_view etag);

/// Which bytes were asked for, of what.
struct origin_part {
  byte_range range;
  uint64_t size_bytes = 0; ///< Of the whole file.
  std::string etag;        ///< What it was called when the first bytes came; empty: not known.
};

/// Whether the body that follows is exactly these bytes. The whole file is a right answer to a
/// question for all of it. @errors ec::conflict (it is another file now), ec::unavailable (it is
/// anything else), each saying what was wrong.
result<void> check_part(const origin_head& head, const origin_part& asked);

} // namespace shoal
