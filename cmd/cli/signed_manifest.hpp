// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/target.hpp"
#include "protocol/manifest.hpp"
#include "protocol/signed_document.hpp"

#include <string>
#include <vector>

namespace shoal::cli {

/// Whose signatures count.
struct trust_options {
  std::string keys_file;            ///< A set of keys; empty: the server's own.
  std::vector<std::string> trusted; ///< Ids of keys; empty: all of the set.

  void add_to(CLI::App& command);
};

/// A manifest, and who vouches for it.
struct signed_manifest {
  manifest content;
  verification_key key;
  unix_seconds signed_at = 0;
  nlohmann::json document;
};

/// Gets the manifest of a revision and checks its signature, and that it is that revision's.
/// @errors exit_code::refused: the server has none, or nobody who is trusted has signed it.
outcome<signed_manifest> fetch_signed_manifest(http_client& client, const target& about,
                                               const trust_options& trust);

/// The same with a document that was kept. @param client where keys come from without a file.
outcome<signed_manifest> check_signed_manifest(http_client& client, nlohmann::json document,
                                               const trust_options& trust);

} // namespace shoal::cli
