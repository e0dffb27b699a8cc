// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "protocol/digest.hpp"
#include "protocol/repository_card.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What another hub says of its repositories. @source Hugging Face's API
namespace shoal {

/// A file of a commit.
struct hub_file {
  std::string path;
  uint64_t size_bytes = 0;
  std::optional<sha256_digest> sha256; ///< Of what is in LFS.
  std::optional<sha1_digest> git_blob; ///< Of all else.

  bool operator==(const hub_file&) const = default;
};

/// Reads a page of `/api/models/{id}/tree/{rev}?recursive=true`. Folders are left out.
/// @errors ec::invalid_argument, ec::too_large (more than limits::files_per_revision_max files).
result<std::vector<hub_file>> parse_hub_tree(std::string_view json);

/// What a name stands for at the other hub.
struct hub_revision {
  std::string commit; ///< 40 digits.
  repository_card card;
};

/// Reads `/api/models/{id}/revision/{rev}`. @errors ec::invalid_argument: it names no commit.
result<hub_revision> parse_hub_revision(std::string_view json);

/// @returns the address of the next page that a Link header names; empty if there is none.
/// @source RFC 8288
std::string next_of_link(std::string_view header);

} // namespace shoal
