// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/registry.hpp"

namespace shoal {

/// A revision of a model or a dataset: the name under which people find a manifest.
struct revision {
  std::string id; ///< "ns/name" or "name".
  std::string rev;
  std::string kind;       ///< "model" or "dataset".
  sha256_digest manifest; ///< Object with protocol/manifest.hpp's JSON.
  std::string entry_key;  ///< Primary key of its registry entry.
  uint64_t size_bytes = 0;
  unix_seconds created_at = 0;
  bool is_private = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, revision& x) {
  return f(x.id, x.rev, x.kind, x.manifest, x.entry_key, x.size_bytes, x.created_at, x.is_private);
}

/// Publishes a revision together with its registry entry, both or neither. A revision never
/// changes: publishing the same manifest again is fine, another one is ec::conflict.
struct publish_revision {
  revision what;
  registry_entry entry;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, publish_revision& x) {
  return f(x.what, x.entry);
}

/// Removes a revision and its registry entry without blocking anything. Errors: ec::not_found.
struct remove_revision {
  std::string id;
  std::string rev;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, remove_revision& x) {
  return f(x.id, x.rev);
}

/// Asks for one revision; an empty `rev` means the latest. Errors: ec::not_found.
struct lookup_revision {
  std::string id;
  std::string rev;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lookup_revision& x) {
  return f(x.id, x.rev);
}

/// Asks for the latest revision of every model whose id contains `query`, without regard to case.
struct list_models {
  std::string query;
  uint32_t limit = 0;
  uint32_t offset = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_models& x) {
  return f(x.query, x.limit, x.offset);
}

struct model_list {
  uint64_t total = 0;
  std::vector<revision> models;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, model_list& x) {
  return f(x.total, x.models);
}

} // namespace shoal
