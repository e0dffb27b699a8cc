// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/origin_name.hpp"
#include "persistence/known_pieces.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

/// What registered revisions say of the pieces of files. These stay in the process (ADR 5).
namespace shoal {

/// Asks for the hashes of a file's pieces.
struct find_piece_hashes {
  origin_name called; ///< The revision in which they are sought first.
  sha256_digest file;
  uint64_t size_bytes = 0;
};

/// The answer.
struct found_piece_hashes {
  std::shared_ptr<const piece_hashes> pieces; ///< Null: no revision that counts names them,
  bool is_sure = true;                        ///< or one may that could not be read now.
};

/// INTERNAL: a revision's manifest and torrent were looked at.
struct piece_step {
  uint64_t search = 0;
  result<piece_survey> found;
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::find_piece_hashes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::found_piece_hashes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::piece_step)
