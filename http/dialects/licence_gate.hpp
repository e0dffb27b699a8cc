// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/catalog.hpp"
#include "http/exchange.hpp"
#include "http/principal.hpp"
#include "protocol/manifest.hpp"

#include <nlohmann/json.hpp>

#include <memory>

/// Licences that have to be accepted before the files of a gated revision are handed out.
namespace shoal::http {

/// A licence as people see it.
struct licence {
  std::string model;                 ///< "ns/name": who accepts, accepts for all its revisions,
  std::string name;                  ///< e.g. "openrail"; may be empty.
  std::string text;                  ///< Of the revision's LICENSE file; may be empty.
  std::optional<sha256_digest> hash; ///< Of the text; as long as that is the same.
  std::string path;                  ///< Of that file.
};

/// @returns the licence file of a revision: LICENSE or LICENCE at its root, in any case, also with
/// .txt or .md, not longer than limits::licence_bytes_max. Null if there is none.
const manifest_file* licence_file(const manifest& m);

/// @returns what has to be accepted. @errors ec::corrupt and others if it cannot be read.
task<result<licence>> load_licence(exchange& ex, revision what, std::shared_ptr<const manifest> m);

/// Whether the asker may have the files: the revision is not gated, the asker is a publisher, or
/// has accepted the licence as it is now. Whoever has neither session nor key cannot accept one.
task<bool> has_accepted(exchange& ex, principal who, revision what,
                        std::shared_ptr<const manifest> m);

/// Answers with 403 and the licence: `{"error_id", "error", "license"}`.
task<> demand_acceptance(exchange& ex, revision what, std::shared_ptr<const manifest> m);

/// Keeps an acceptance, on disk when this returns.
/// @errors ec::unauthorized: nobody can be told from others who ask; ec::storage_*,
/// ec::unavailable.
task<result<unix_seconds>> accept_licence(exchange& ex, principal who, licence what);

/// `{"model", "name", "sha256", "text", "url", "accept_url"}`.
nlohmann::json to_json(const licence& what, const revision& of);

} // namespace shoal::http
