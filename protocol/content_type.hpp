// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal {

/// The media type of a published file, by its name alone.
///
/// Published files come from strangers, so nothing that a browser would run on our origin keeps
/// its own type: HTML, SVG, XML and scripts are text/plain. Weights and everything unknown are
/// application/octet-stream. Send it with "X-Content-Type-Options: nosniff".
std::string_view content_type(std::string_view path);

enum class disposition : uint8_t {
  inline_view, ///< "inline"
  attachment,  ///< "attachment"
};

/// The value of a Content-Disposition header.
///
/// The name is made safe first: path separators, control and reserved characters and characters
/// that reorder text become '_', leading dots too; it is cut to 255 bytes with its extension kept.
/// What ASCII cannot say follows as filename*.
/// @source RFC 6266, RFC 8187.
std::string content_disposition(disposition kind, std::string_view filename);

} // namespace shoal
