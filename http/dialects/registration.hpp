// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/object_copies.hpp"
#include "http/dialects/publication.hpp"
#include "http/exchange.hpp"

/// The last steps of publishing, whatever dialect the publisher speaks.
namespace shoal::http {

/// How long a publisher waits for what comes from other nodes and what goes to them, before it is
/// to ask again: less than balancers and clients wait for an answer. What has been copied stays.
inline constexpr std::chrono::seconds publication_patience{45};

/// A publication whose objects, its manifest among them, are here and stay.
struct held_publication {
  publication what;
  sha256_digest manifest;
  object_claims::hold hold; ///< Of what it names, but for what another revision keeps.

  /// All that it names, some of it perhaps at other nodes. In a cluster it gets its copies, and its
  /// homes hold it until they know the revision.
  std::vector<sized_object> objects;
  std::string parent = {};                                 ///< See publish_revision.
  mono_time answer_by = mono_now() + publication_patience; ///< Whoever publishes is waiting.
};

/// All that a revision consists of. @param name of the manifest.
std::vector<sha256_digest> objects_of(const manifest& m, const sha256_digest& name);

/// The same with sizes, as far as somebody knows them. Asks the disk.
std::vector<sized_object> sized_objects_of(const object_store& objects, const manifest& m,
                                           const sha256_digest& name);

/// Brings the objects to their homes, registers the revision and pins what it names; or lets go of
/// the objects. @errors those of publish_revision; ec::busy: copies take long.
task<result<registry_entry>> register_held(exchange& ex, held_publication& ready);

} // namespace shoal::http
