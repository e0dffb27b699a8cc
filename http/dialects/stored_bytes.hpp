// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"
#include "protocol/byte_range.hpp"

namespace shoal::http {

/// What is served: immutable bytes.
struct stored_bytes {
  uint64_t size_bytes = 0;
  std::string etag; ///< Strong, with its quotes.
  std::string_view content_type;
  std::string_view cache_control;
  std::vector<std::pair<std::string, std::string>> headers = {}; ///< What else the answer says.
  bool is_promised = true; ///< A manifest names them: if no node that is there has them, one will.
};

/// The head of an answer and which of the bytes follow.
struct ranged_answer {
  response head;
  uint64_t offset = 0;
  uint64_t length = 0;

  /// The client asked for these: who can sends them instead, with `as_parts`.
  std::vector<byte_range> ranges = {};
};

/// @returns the answer with its ranges as parts; nothing if they would be longer than the whole.
/// @param object whose bytes they are: its name stands between them, which it cannot contain.
std::optional<byte_parts> as_parts(ranged_answer& answer, const stored_bytes& what,
                                   const sha256_digest& object);

/// Headers of a request that decide which bytes it gets; empty if absent.
struct range_request {
  bool is_get = true; ///< A HEAD has no ranges. @source RFC 9110 section 14.2
  std::string_view range;
  std::string_view if_range;
  std::string_view if_none_match;
};

/// Decides between 200, 206, 304 and 416. A satisfiable range is a 206 even if it covers
/// everything: Transmission takes nothing else. @source RFC 9110 sections 13 and 14, BEP 19.
ranged_answer answer_range(const range_request& ask, const stored_bytes& what);

/// @returns whether an If-None-Match header names `etag`; weak tags compare by their text.
/// @source RFC 9110 section 13.1.2.
bool none_match_hits(std::string_view header, std::string_view etag);

range_request range_request_of(const exchange& ex);

/// Answers with an object's bytes, from here or through here from another node of the cluster; with
/// 503 if its file is not as it should be, or as object_relay says.
task<> send_object(exchange& ex, sha256_digest digest, stored_bytes what);

/// The same, only if the object is here.
task<> send_object_here(exchange& ex, sha256_digest digest, stored_bytes what);

/// Answers with zeros.
task<> send_padding(exchange& ex, stored_bytes what);

} // namespace shoal::http
