// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/registry.hpp"
#include "http/dialects/model_shelf.hpp"
#include "http/dialects/torrent_links.hpp"
#include "http/message.hpp"

#include <nlohmann/json.hpp>

/// What SwarmUI's clients read. Pure. @source SwarmUI RFC 0001, `docs/API.md`
namespace shoal::http {

/// `{"error_id", "error"}`: how clients know what to do.
response swarmui_error(unsigned status, std::string_view id, std::string_view message);

/// The session is none of ours, or over: clients get another one and try again.
response bad_session();

response bad_permission();

/// What is wrong with this node or the request.
response swarmui_trouble(const error& err);

/// The request for a list, checked.
struct manifest_ask {
  std::string session_id;
  std::string subtype = "Stable-Diffusion"; ///< As the client wrote it.
  bool with_images = false;
  bool with_chunks = false;
  uint32_t models_max = 0;
  std::string after;
};

/// @param body `{"session_id", "subtype", "includeImages", "includeChunks", "limit", "after"}`;
/// others are ignored, as SwarmUI does. @errors ec::invalid_argument, ec::too_large.
result<manifest_ask> read_manifest_ask(std::string_view body);

/// The request that accepts a licence, checked.
struct accept_ask {
  std::string session_id;
  std::string model;          ///< A model's id, or a name or hash of one of its files.
  std::string license_sha256; ///< Of the text that was read, lower-case; may be empty.
};

/// @errors ec::invalid_argument, ec::missing_argument.
result<accept_ask> read_accept_ask(std::string_view body);

/// "/DownloadModel/{subtype}/{sha256}/{file}".
std::string download_path(const shelf_item& item);

/// The last segment of the file's path.
std::string_view file_name(std::string_view path);

/// @param entry of the revision; may be empty. @returns a model of the list, without its preview.
nlohmann::json model_json(const shelf_item& item, const registry_entry& entry,
                          const public_urls& at);

/// "2025-10-14T03:15:13Z".
std::string utc_text(unix_seconds t);

} // namespace shoal::http
