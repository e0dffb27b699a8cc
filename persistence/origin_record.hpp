// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"
#include "protocol/digest.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace shoal {

/// A file that an origin has: see `origin_book`.
struct origin_record {
  uint64_t size_bytes = 0;
  std::string etag;                    ///< Without quotes; may be empty.
  std::string commit;                  ///< 40 digits, or empty.
  std::optional<sha256_digest> sha256; ///< Of its bytes, once somebody has said or found it.
  std::optional<sha1_digest> git_blob;
  unix_seconds checked_at = 0; ///< When the origin has last said so.

  bool operator==(const origin_record&) const = default;
};

std::string encode(const origin_record& x);
result<origin_record> decode_origin(std::string_view bytes);

} // namespace shoal
