// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/registry.hpp"

namespace shoal {

/// A revision of a model, a dataset or a space: the name under which people find a manifest.
struct revision {
  std::string id; ///< "ns/name" or "name".
  std::string rev;
  std::string kind;       ///< "model", "dataset" or "space".
  sha256_digest manifest; ///< Object with protocol/manifest.hpp's JSON.
  std::string entry_key;  ///< Primary key of its registry entry.
  uint64_t size_bytes = 0;
  unix_seconds created_at = 0;
  bool is_private = false;
  std::string successor = {}; ///< The commit (a `rev`) made on top of it; empty if none was.

  /// Nobody has published it here: it is a commit of an origin (ADR 30). It is found by its name,
  /// and stands for no other.
  bool is_mirror = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, revision& x) {
  return f(x.id, x.rev, x.kind, x.manifest, x.entry_key, x.size_bytes, x.created_at, x.is_private,
           x.successor, x.is_mirror);
}

/// Publishes a revision together with its registry entry, both or neither. A revision never
/// changes: publishing the same manifest again is fine, another one is ec::conflict. A mirror takes
/// no name that was published (ec::conflict), and gives its name to who publishes the same torrent.
struct publish_revision {
  revision what;
  registry_entry entry;

  /// The revision (its `rev`) that this one is a commit on top of; may be empty. Of two that are
  /// made on top of the same one, the later gets ec::conflict.
  std::string parent = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, publish_revision& x) {
  return f(x.what, x.entry, x.parent);
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

/// What somebody asks of a model as of a repository.
struct repository_query {
  std::string id;
  std::string kind;          ///< Revisions of other kinds do not count.
  bool with_private = false; ///< The asker may see private revisions.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, repository_query& x) {
  return f(x.id, x.kind, x.with_private);
}

/// Asks for the revision that a name stands for. "main" is the revision of that name or else the
/// latest one.
struct resolve_name {
  repository_query where;
  std::string name;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, resolve_name& x) {
  return f(x.where, x.name);
}

struct resolved_name {
  bool repository_known = false; ///< It has some revision that the asker may see.
  bool revision_known = false;
  revision what;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, resolved_name& x) {
  return f(x.repository_known, x.revision_known, x.what);
}

/// Asks for the latest limits::hub_revisions_max revisions of a model; none if it is not known.
struct list_revisions {
  repository_query where;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_revisions& x) {
  return f(x.where);
}

struct revision_list {
  uint32_t main = 0;               ///< Index of what "main" stands for, if there are any.
  std::vector<revision> revisions; ///< Latest first.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, revision_list& x) {
  return f(x.main, x.revisions);
}

enum class model_order : uint8_t { latest, oldest, largest, smallest, by_id, by_id_backwards };

/// Asks for models page by page: what "main" stands for in each.
struct browse_models {
  std::string kind;
  std::string search; ///< Part of the id, without regard to case.
  std::string author; ///< The id's first part.
  model_order order = model_order::latest;
  uint32_t limit = 0;
  /// The last one of the page before, by its sort value and its id; an empty id for the first page.
  int64_t after_value = 0;
  std::string after_id;
  bool with_private = false; ///< The asker may see private revisions.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, browse_models& x) {
  return f(x.kind, x.search, x.author, x.order, x.limit, x.after_value, x.after_id, x.with_private);
}

struct model_page {
  std::vector<revision> models;
  bool has_more = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, model_page& x) {
  return f(x.models, x.has_more);
}

/// Asks for the latest revisions of all models, of that kind and whatever "main" stands for.
struct recent_revisions {
  std::string kind;
  uint32_t limit = 0;
  bool with_private = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, recent_revisions& x) {
  return f(x.kind, x.limit, x.with_private);
}

/// @returns what models are sorted by; 0 in an order by id.
int64_t sort_value(model_order order, const revision& x);

struct model_list {
  uint64_t total = 0;
  std::vector<revision> models;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, model_list& x) {
  return f(x.total, x.models);
}

} // namespace shoal
