// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/http_client.hpp"
#include "cmd/cli/uploader.hpp"

#include <functional>

namespace shoal::cli {

/// Hears how many bytes of the object are done.
using progress_told = std::function<void(uint64_t)>;

/// What a server has of an object.
struct object_standing {
  bool is_there = false;
  uint64_t sent_bytes = 0; ///< Of an upload that broke off.
};

outcome<object_standing> ask_for(http_client& client, const local_object& object);

/// Uploads an object, a big one so that it goes on where a connection broke.
/// @errors exit_code::local_trouble: the file changes; exit_code::refused, exit_code::unreachable.
outcome<void> send_object(http_client& client, const local_object& object,
                          const progress_told& tell);

/// Has the server serve a file from where it is. @errors as `send_object`.
outcome<void> offer_in_place(http_client& client, const local_object& object,
                             const progress_told& tell);

} // namespace shoal::cli
