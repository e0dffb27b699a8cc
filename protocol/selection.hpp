// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace shoal {

/// Whether a pattern of a user means that file: a shell pattern over the whole path, whose `*` also
/// goes over '/', as Hugging Face's tools have it; or a folder, with or without a '/' at its end.
/// @source huggingface_hub `filter_repo_objects`, fnmatch(3)
bool matches(const std::string& pattern, const std::string& path);

/// Which files of a revision are wanted.
struct selection {
  std::vector<std::string> include; ///< Empty: all.
  std::vector<std::string> exclude; ///< Goes before `include`.

  bool wants(const std::string& path) const;
};

} // namespace shoal
