// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/hub_access.hpp"

/// Uploading as Hugging Face's clients do it: what the handlers of hub_upload.cpp and hub_lfs.cpp
/// share.
namespace shoal::http {

/// Whether the asker may not write here. @returns why.
std::optional<hub_error> cannot_write(const exchange& ex);

/// An error that clients have no name for.
hub_error refused(unsigned status, std::string message);

/// What is wrong with a change; the operator hears of what is wrong with the node.
hub_error change_trouble(const error& err);

/// Reads a JSON object of at most limits::json_body_bytes_max bytes.
task<hub_result<nlohmann::json>> read_object(exchange& ex);

/// @returns the text of a field, empty if it is absent or none.
std::string field_of(const nlohmann::json& object, const char* name);

/// "", "datasets/" or "spaces/": what stands before the id in a path.
std::string_view path_prefix(std::string_view kind);

/// Says which files go to LFS. @source huggingface_hub _fetch_upload_modes
task<hub_reply> preupload(exchange& ex, std::string kind, hub_path where);

/// Takes the lines of a commit. @source huggingface_hub create_commit
task<hub_reply> commit(exchange& ex, std::string kind, hub_path where);

} // namespace shoal::http
