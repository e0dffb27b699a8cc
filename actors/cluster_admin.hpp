// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_hub.hpp"
#include "cluster/member.hpp"

namespace shoal {

/// What an operator sees of the cluster and asks of it, through any of its nodes. Thread-safe; what
/// takes its time blocks, for a few seconds at most, so that it is no work for an I/O thread.
class cluster_admin {
public:
  /// Everything outlives this. @param between serves `link_kind::hurry` from now on.
  cluster_admin(std::string self, cluster::member& member, cluster::links& between,
                std::shared_ptr<const cluster::link_board> board);

  const std::string& self() const { return self_; }
  std::shared_ptr<const cluster::cluster_sight> sight() const { return member_.view(); }
  std::shared_ptr<const cluster::link_report> link_report() const { return board_->latest(); }

  /// Asks a node to give up its slots, or no longer.
  /// @errors ec::not_found: it is neither there nor asked to; ec::unavailable, ec::timeout: etcd.
  result<void> drain(const std::string& node, bool yes);

  /// @returns how many objects another node that drains is to see at others yet; nothing if it has
  /// not looked yet, or does not say.
  /// @errors ec::not_found: it is not there.
  result<std::optional<uint64_t>> objects_left(const std::string& node);

  /// Who was asked to hurry.
  struct hurried {
    std::vector<std::string> asked;     ///< And does so.
    std::vector<std::string> unreached; ///< Did not answer in time.
  };

  /// Has all nodes move what is misplaced at once. @errors ec::unavailable: etcd cannot be reached.
  result<hurried> rebalance();

private:
  const std::string self_;
  cluster::member& member_;
  cluster::links& links_;
  const std::shared_ptr<const cluster::link_board> board_;
};

} // namespace shoal
