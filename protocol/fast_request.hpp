// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace shoal {

/// A GET of an announce whose header holds nothing but what every client sends; views the bytes
/// that were scanned.
struct fast_request {
  static constexpr size_t forwarded_max = 4; ///< X-Forwarded-For headers; more are no fast request.

  size_t size = 0;          ///< Bytes that the request takes; the next one follows.
  std::string_view passkey; ///< What follows "/announce/", has no escapes; empty if nothing does.
  std::string_view query;   ///< Raw, without '?'.
  bool keep_alive = false;  ///< Whether the client will send another request.
  std::array<std::string_view, forwarded_max> forwarded_headers;
  size_t forwarded_count = 0;

  /// The values of the X-Forwarded-For headers in their order.
  std::span<const std::string_view> forwarded() const {
    return {forwarded_headers.data(), forwarded_count};
  }
};

enum class fast_verdict : uint8_t {
  yes,  ///< A whole request; a complete parser would understand it in the same way.
  more, ///< A beginning of one.
  no,   ///< Anything else, malformed requests included: ask a complete parser.
};

/// Requests that are longer are left to the complete parser.
inline constexpr size_t fast_request_bytes_max = 8 * 1024;

/// Looks for an announce at the beginning of `bytes`. Strict where a doubt is possible: a single
/// form of the request line, no folded or unusual header, nothing that frames a body, asks for
/// another protocol or is said twice. Works in place and allocates nothing.
/// @param out valid only with `fast_verdict::yes`.
/// @source RFC 9112 2.1 to 5.2
fast_verdict scan_fast_request(std::string_view bytes, fast_request& out);

} // namespace shoal
