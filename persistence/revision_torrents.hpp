// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/folder_hasher.hpp"
#include "persistence/object_store.hpp"
#include "protocol/manifest.hpp"

namespace shoal {

/// Makes the torrents of a revision, a hybrid one and its v1 sibling, stores them as objects and
/// names them in the manifest. Reads every byte of the files.
/// @param m with all files and no torrents. @param objects has the files, and keeps them meanwhile.
/// @errors those of `hash_folder` and of storing; ec::unavailable (a file is not kept here),
/// ec::corrupt (one is not what its name says), ec::invalid_argument.
result<void> add_torrents(object_store& objects, manifest& m, const hash_options& options);

} // namespace shoal
