// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shoal {

/// Names a model or a dataset: "ns/name", or "name" alone. Each segment has 1..128 characters of
/// [A-Za-z0-9._-] and does not start with '.'.
struct model_id {
  std::string ns; ///< May be empty.
  std::string name;

  static std::optional<model_id> parse(std::string_view text);

  /// "ns/name", or "name".
  std::string str() const;

  auto operator<=>(const model_id&) const = default;
};

/// @returns whether `rev` may name a revision: like a segment of a model id.
bool is_revision(std::string_view rev);

/// @returns the key of a ref: "ns/name@rev". Neither part may contain '@', so keys are unique.
std::string ref_key(const model_id& id, std::string_view rev);

/// @returns whether `path` names a file inside a revision: relative, 1..limits::path_bytes_max
/// bytes of valid UTF-8, no NUL, no empty segment, no "." and no "..".
bool is_safe_path(std::string_view path);

/// @returns whether `text` is well-formed UTF-8: no overlong forms, surrogates or values above
/// U+10FFFF. @source RFC 3629.
bool is_utf8(std::string_view text);

} // namespace shoal
