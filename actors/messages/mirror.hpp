// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/webseed.hpp"
#include "actors/publication.hpp"
#include "core/limits.hpp"
#include "persistence/object_claims.hpp"

/// Commits of origins that become revisions here. These stay in the process (ADR 5).
namespace shoal {

/// A file of an origin's commit has come: it may have been the last one.
struct file_pulled {
  origin_name name;   ///< `rev` is the commit.
  origin_record what; ///< `sha256` is known.
  bool told = false;  ///< It came to another node, which has said so.
};

/// The same on a link, to the node that registers the commit.
struct pulled_news {
  std::string kind;
  std::string id;
  std::string rev;
  std::string path;
  std::string record; ///< An encoded `origin_record`.

  template <class Inspector>
  friend auto inspect(Inspector& f, pulled_news& x) {
    return f(x.kind, x.id, x.rev, x.path, x.record);
  }
};

/// Asks for a commit to be registered now, if all of it is here. `path` is not looked at.
struct make_mirror {
  origin_name name; ///< `rev` is the commit.
};

/// What became of that.
enum class mirror_outcome : uint8_t {
  made,
  there,      ///< A revision of that name is registered already.
  incomplete, ///< Files are missing here.
  restricted, ///< The origin gives it to a token alone.
  refused,    ///< The registry does not take it, or nothing that could be a revision.
  failed,     ///< For now.
  sentinel_
};

/// @returns the name as metrics and the API have it.
std::string_view name(mirror_outcome how);

/// The answer.
struct mirror_made {
  mirror_outcome how = mirror_outcome::failed;
};

/// A mirror whose torrents and manifest are objects here.
struct held_mirror {
  publication what;
  sha256_digest manifest;
  object_claims::hold hold; ///< Of all that is kept of it: not of its files.
};

/// INTERNAL: from the disk, and the origins' client.
struct mirror_step {
  enum class kind : uint8_t { surveyed, judged, made, settled };

  kind what = kind::surveyed;
  std::optional<error> failed;
  std::shared_ptr<manifest> files;   ///< Surveyed: null if nobody knows the hash of some.
  std::vector<sha256_digest> absent; ///< Surveyed: objects that are not here.
  bool is_open = false;              ///< Judged: the origin gives it to anybody.
  std::shared_ptr<held_mirror> made; ///< Null if files have gone meanwhile.
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::file_pulled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::make_mirror)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::mirror_made)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::mirror_step)
