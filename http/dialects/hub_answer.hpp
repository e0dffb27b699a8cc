// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "http/message.hpp"
#include "protocol/manifest.hpp"

#include <tl/expected.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What Hugging Face's clients read of an answer besides its body. Pure.
namespace shoal::http {

/// An error as these clients know it.
struct hub_error {
  unsigned status = 404;
  std::string code; ///< "RepoNotFound" and so on; empty if clients have no name for it.
  std::string message;
  std::string commit = {}; ///< Of the revision that lacks something: clients remember what.
};

template <class T>
using hub_result = tl::expected<T, hub_error>;

/// An answer, or why there is none.
using hub_reply = hub_result<response>;

/// Also for what the asker may not see: whoever asks learns nothing. Never a bare 401, which
/// clients do not understand over plain HTTP.
hub_error repository_unknown();
hub_error revision_unknown(std::string_view name);
hub_error entry_unknown(std::string commit);

/// The path names nothing that this dialect has. Clients have no name for it.
hub_error no_such_path();

/// The repository's files are for those who have accepted its licence.
/// @param is_known whoever asks has said who it is; others are to do so first.
hub_error licence_not_accepted(std::string_view id, std::string_view base_url, bool is_known);

/// The asker needs a token, or a better one.
hub_error who_are_you();

/// What is wrong with this node or the request.
hub_error hub_trouble(const error& err);

enum class hub_body : uint8_t { json, text };

/// @returns the answer: `{"error": message}`, or the message alone where files are asked for.
response hub_refusal(const hub_error& err, hub_body form);

using header_list = std::vector<std::pair<std::string, std::string>>;

/// @returns what all answers of this dialect have. @param request_id names the answer in reports.
header_list hub_headers(std::string request_id);

/// @returns 32 random digits.
std::string new_request_id();

/// "<url>; rel="next"": with the blank that huggingface.js insists on.
std::string next_link(std::string_view url);

/// The headers of a file besides those of any stored bytes, and its ETag with quotes: what clients
/// name it by in their caches.
struct hub_file_headers {
  std::string etag;
  std::string_view content_type;
  header_list more;
};

/// Where a file is known from: a published revision, or only an origin.
enum class file_place : uint8_t { here, origin };

/// @param commit 40 digits. @param m the manifest that has the file.
hub_file_headers headers_of(const manifest& m, const manifest_file& file, const std::string& commit,
                            file_place place = file_place::here);

} // namespace shoal::http
