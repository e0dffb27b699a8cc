// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/get_source.hpp"
#include "cmd/cli/get_view.hpp"
#include "cmd/cli/signed_manifest.hpp"

namespace shoal::cli {

/// Whose word is enough for a download.
struct signature_options {
  trust_options trust;
  bool is_required = false;

  void add_to(CLI::App& command);

  /// Whoever names keys wants a signature by one of them.
  bool wants_one() const {
    return is_required || !trust.keys_file.empty() || !trust.trusted.empty();
  }
};

/// Compares what a server offers with what was signed: the files, and the torrent. A server that
/// signs nothing is believed unless `options` want a signature; one that signs something else
/// never.
/// @errors exit_code::refused: no signature where one is wanted, a wrong one, or other files;
/// exit_code::usage: a torrent of the user's has no signature; exit_code::local_trouble (the keys).
outcome<void> check_signature(http_client& client, const get_source& source,
                              const signature_options& options, download_view& view);

} // namespace shoal::cli
