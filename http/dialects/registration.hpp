// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/dialects/publication.hpp"
#include "http/exchange.hpp"

/// The last steps of publishing, whatever dialect the publisher speaks.
namespace shoal::http {

/// A publication whose objects, its manifest among them, are here and stay.
struct held_publication {
  publication what;
  sha256_digest manifest;
  object_claims::hold hold; ///< Of `objects`, until the registry names them.

  /// What it names and no other revision is known to keep. In a cluster these get their copies.
  std::vector<sha256_digest> objects;
  std::string parent = {}; ///< See publish_revision.
};

/// All that a revision consists of. @param name of the manifest.
std::vector<sha256_digest> objects_of(const manifest& m, const sha256_digest& name);

/// Brings the objects to their homes, registers the revision and pins what it names; or lets go of
/// the objects. @errors those of publish_revision; ec::busy: copies take long.
task<result<registry_entry>> register_held(exchange& ex, held_publication& ready);

} // namespace shoal::http
