// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "protocol/manifest.hpp"

#include <map>
#include <string>
#include <string_view>
#include <variant>

/// A commit as Hugging Face's clients send it, one JSON object a line, and what it makes of a
/// revision's files. Pure.
namespace shoal::http {

/// The first line.
struct hub_commit_head {
  std::string summary;
  std::string description;
  std::string parent; ///< The commit that must be the latest; empty: whichever is.
};

/// A text with its bytes.
struct hub_text {
  std::string path;
  std::string content;
};

/// A file that was uploaded before.
struct hub_pointer {
  std::string path;
  sha256_digest object;
  std::optional<uint64_t> size_bytes; ///< As the client says.
};

struct hub_removal {
  std::string path;
  bool of_folder = false;
};

using hub_change_line = std::variant<hub_commit_head, hub_text, hub_pointer, hub_removal>;

/// @param line without its line break, at most limits::hub_commit_line_bytes_max.
/// @errors ec::invalid_argument, ec::missing_argument, ec::too_large, ec::unsupported (another kind
/// of line), for people.
/// @source huggingface_hub _commit_api.py, @huggingface/hub commit.ts
result<hub_change_line> read_change_line(std::string_view line);

/// The files of a revision that is being made.
class hub_draft {
public:
  hub_draft() = default;

  /// @param parent whose files are the first ones.
  explicit hub_draft(const manifest& parent);

  /// Adds a file or replaces one. @errors ec::too_large beyond limits::files_per_revision_max.
  result<void> put(manifest_file file);

  /// @errors ec::not_found if there is nothing of that name.
  result<void> remove(const hub_removal& what);

  size_t size() const { return files_.size(); }

  /// @returns the files in the order of manifests.
  std::vector<manifest_file> files() const;

private:
  std::map<std::string, manifest_file> files_;
};

} // namespace shoal::http
