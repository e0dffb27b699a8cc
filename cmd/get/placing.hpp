// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"
#include "protocol/digest.hpp"

#include <atomic>
#include <filesystem>
#include <functional>

namespace shoal::get {

/// @param on_bytes hears of each portion; may be empty.
/// @param stop ends it with ec::shutting_down.
/// @errors ec::storage_failed.
result<sha256_digest> hash_file(const std::filesystem::path& file, const std::atomic<bool>& stop,
                                const std::function<void(uint64_t)>& on_bytes = {});

/// @returns the name that git has for the file's bytes. @param stop as above.
/// @errors ec::storage_failed; ec::too_large: more than limits::git_blob_bytes_max.
result<sha1_digest> hash_blob(const std::filesystem::path& file, const std::atomic<bool>& stop);

/// Brings a file's bytes to the disk and sees to it that `to` has a folder, so that the file can
/// get its name by a rename. @errors ec::storage_failed, ec::storage_full.
result<void> prepare_move(const std::filesystem::path& from, const std::filesystem::path& to);

/// `prepare_move`, and the rename: `to` has its old bytes or the new ones, never something between.
result<void> move_into_place(const std::filesystem::path& from, const std::filesystem::path& to);

} // namespace shoal::get
