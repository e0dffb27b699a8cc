// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "persistence/commit.hpp"

#include <functional>
#include <optional>
#include <string>

namespace shoal::cluster {

/// A commit as its maker wants it.
struct durable_write {
  commit_request request;

  /// Happens only while this node owns that slot (see `home_slot`). Nothing: the request's own
  /// conditions suffice, whoever makes it. An engine of a single node owns all.
  std::optional<size_t> slot;

  /// "NODE/SEQUENCE", or empty. A write with an id happens at most once, however often it is asked
  /// for: the second time its first revision is the answer, and its conditions count no more.
  std::string once;

  /// Such ids that will never be asked for again: forgotten with this write.
  std::vector<std::string> forget;

  /// With an id: happens only while this is the node's claim (see claim_flushes); else
  /// ec::not_owner. 0: needs none. An engine of a single node has no other process to fear.
  uint64_t claim = 0;
};

/// Durable, conditional writes. Two engines: LMDB alone, and etcd for a cluster. Sans I/O and
/// single-threaded: all calls come from one thread.
class commit_store {
public:
  /// @param revision of the commit, never 0; the versions of what it wrote.
  using callback = std::function<void(result<uint64_t> revision)>;

  virtual ~commit_store() = default;

  /// Makes a write durable and answers exactly once, refusals possibly from within this call. Once
  /// it is answered with success, a read at this node sees it. Writes to the same keys happen in
  /// the order in which they were asked for.
  /// @errors Certainly not done: ec::conflict (a condition failed), ec::not_owner, ec::busy (too
  /// many wait), ec::unavailable, ec::too_large, ec::invalid_argument, ec::storage_*, ec::corrupt,
  /// ec::unauthorized. Not known whether done: ec::timeout, ec::shutting_down.
  virtual void commit(durable_write what, callback then) = 0;
};

} // namespace shoal::cluster
