// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/commit_store.hpp"
#include "persistence/lmdb_store.hpp"

#include <chrono>
#include <span>

namespace shoal::cluster {

/// The commit store of a single node: what gathers until `flush` shares an fsync. Lost when it
/// dies: what waits, without an answer.
class lmdb_commit_store final : public commit_store {
public:
  struct hooks {
    /// Something waits that nothing waited before: `flush` is due, behind whatever else is there.
    std::function<void()> wake;
    /// A batch was written, or was not.
    std::function<void(std::chrono::nanoseconds took, std::span<const result<uint64_t>> outcomes)>
        measured;
  };

  /// @param store outlives this.
  lmdb_commit_store(lmdb_store& store, hooks told) : store_{store}, told_{std::move(told)} {}

  /// @errors also ec::busy: limits::commit_queue_max wait.
  void commit(durable_write what, callback then) override;

  /// Writes what waits, limits::commit_batch_max with one fsync, and answers. Blocks on the disk.
  void flush();

  size_t waiting() const { return waiting_.size(); }

private:
  struct answer {
    callback then;
    std::string once;
  };

  result<uint64_t> settle(const std::string& once, result<uint64_t> outcome) const;

  lmdb_store& store_;
  hooks told_;
  std::vector<commit_request> waiting_;
  std::vector<answer> answers_; // One per waiting request.
};

} // namespace shoal::cluster
