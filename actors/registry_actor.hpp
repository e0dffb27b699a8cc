// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/atoms.hpp"
#include "actors/messages/catalog.hpp"
#include "actors/messages/registry.hpp"
#include "actors/messages/swarm.hpp"
#include "persistence/commit.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <memory>

// Commits never leave the process: an engine of the commit store lives on every node (ADR 0005).
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::commit_request)

namespace shoal {

/// In a cluster: this node's copy of the registry has changed, and memory follows. Whoever hears it
/// looks at the store, which may be further already.
struct registry_step {
  /// What changed, in order; null: anything may have.
  std::shared_ptr<const std::vector<replicated>> changes;
};

/// In a cluster: what was counted at this node is written, or cannot be.
struct counters_flushed {
  bool written = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, counters_flushed& x) {
  return f(x.written);
}

/// What these records name may be other objects than before.
struct settle_records {
  std::string revision; ///< "ns/name@rev", or empty.
  std::string entry;    ///< A primary key, or empty.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, settle_records& x) {
  return f(x.revision, x.entry);
}

/// In a cluster: an object that was wanted is here now.
struct object_arrived {
  sha256_digest object;
  std::string owner; ///< Of its pins: see object_claims.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_arrived& x) {
  return f(x.object, x.owner);
}

/// In a cluster: others keep the object.
struct object_released {
  sha256_digest object;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_released& x) {
  return f(x.object);
}

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::registry_step)

namespace shoal {

/// The writer's answer says what the store holds now, and memory must follow. So those who ask it
/// wait far longer than those who asked them: a disk that hangs must not make memory miss a commit.
inline constexpr std::chrono::minutes commit_timeout{10};

/// Makes writes durable, many with one fsync. Detached: it blocks on the disk. Lost when it dies:
/// the commits in its mailbox, each answered with an error; nothing that was acknowledged.
using commit_writer_actor = caf::typed_actor<
    // Revision of the commit. Errors: ec::conflict (a guard failed), ec::busy, ec::storage_*.
    caf::replies_to<commit_request>::with<uint64_t>,
    // INTERNAL: commits what has gathered.
    caf::reacts_to<atom::flush>>;

/// Knows every model and its revisions. Spawned by the NODE, asked by the edges, told by REGISTRY
/// SHARDS. Lost when it dies: nothing; it reads the refs again.
using catalog_actor = caf::typed_actor<caf::replies_to<list_models>::with<model_list>,
                                       // Errors: ec::not_found.
                                       caf::replies_to<lookup_revision>::with<revision>,
                                       caf::replies_to<resolve_name>::with<resolved_name>,
                                       caf::replies_to<list_revisions>::with<revision_list>,
                                       caf::replies_to<browse_models>::with<model_page>,
                                       caf::replies_to<recent_revisions>::with<model_page>,
                                       // A revision was committed; answers when it can be seen.
                                       caf::replies_to<atom::load, revision>::with<atom::load>,
                                       // A revision was taken down; answers when it is gone.
                                       caf::replies_to<atom::clear, revision>::with<atom::clear>,
                                       // In a cluster: the copy has changed.
                                       caf::reacts_to<registry_step>>;

/// Sees to it that objects which the registry names are pinned and others are not, and that all are
/// what they should be. Spawned by the NODE, told by REGISTRY SHARDS. Lost when it dies: nothing;
/// it goes through the whole registry again.
using object_steward_actor = caf::typed_actor<
    // In a cluster: the copy has changed.
    caf::reacts_to<registry_step>,
    // On a single node: a record was written.
    caf::reacts_to<settle_records>,
    // In a cluster, from the REPLICATOR.
    caf::reacts_to<object_arrived>, caf::reacts_to<object_released>,
    // INTERNAL: goes on through the registry.
    caf::reacts_to<atom::load>,
    // INTERNAL: time to hash some objects, and to let go of what was never published.
    caf::reacts_to<atom::tick>>;

/// Owns a slice of the registry: validates writes, commits them, keeps the search index. Spawned by
/// the NODE, asked by the edges and by swarms. Lost when it dies: nothing that was acknowledged.
using registry_shard_actor = caf::typed_actor<
    // Errors: ec::not_found, ec::corrupt.
    caf::replies_to<lookup_entry>::with<registry_entry>,
    // Errors: ec::not_found, ec::corrupt, ec::unavailable.
    caf::replies_to<seek_entry>::with<registry_entry>,
    // Errors: ec::blocked, ec::conflict, ec::storage_*.
    caf::replies_to<register_entry>::with<registry_entry>,
    // Errors: ec::storage_*.
    caf::replies_to<remove_entry>::with<atom::clear>,
    caf::replies_to<search_query>::with<search_result>,
    // Errors: as register_entry.
    caf::replies_to<publish_revision>::with<registry_entry>,
    // Errors: ec::not_found, ec::storage_*.
    caf::replies_to<remove_revision>::with<atom::clear>,
    // Blocks a hash. Errors: ec::storage_*.
    caf::replies_to<blocked_hash>::with<blocked_hash>,
    // Errors: ec::not_found, ec::storage_*.
    caf::replies_to<unblock_hash>::with<atom::clear>,
    // Downloads that finished; written in batches.
    caf::reacts_to<completions_counted>,
    // Writes what has gathered; answered when it is durable.
    caf::replies_to<atom::flush>::with<atom::flush>,
    // INTERNAL: time to write what has gathered.
    caf::reacts_to<atom::tick>,
    // In a cluster: the copy has changed.
    caf::reacts_to<registry_step>,
    // INTERNAL, in a cluster: answers who waits for a flush.
    caf::reacts_to<counters_flushed>>;

/// Books traffic per user. Spawned by the NODE, told by swarms. Lost when it dies: what was not
/// flushed, a second's worth at most.
using accounts_actor = caf::typed_actor<caf::reacts_to<user_traffic>,
                                        // Writes what has gathered; answered when it is durable.
                                        caf::replies_to<atom::flush>::with<atom::flush>,
                                        // INTERNAL: time to write what has gathered.
                                        caf::reacts_to<atom::tick>,
                                        // INTERNAL, in a cluster: answers who waits for a flush.
                                        caf::reacts_to<counters_flushed>>;

} // namespace shoal
