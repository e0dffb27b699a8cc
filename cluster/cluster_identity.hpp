// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"
#include "cluster/keys.hpp"

namespace shoal::cluster {

/// @param id 1..64 of [A-Za-z0-9._-]. @returns nothing if it is well-formed, else
/// ec::invalid_argument.
result<void> check_cluster_id(std::string_view id);

/// 32 random hexadecimal digits.
std::string new_cluster_id();

/// The value of `shoal/cluster`: "ID FORMAT".
std::string encode_identity(std::string_view id);

/// @returns the id. @errors ec::corrupt; ec::unsupported: of a newer program.
result<std::string> decode_identity(std::string_view value);

/// What etcd says of a cluster at one moment.
struct cluster_view {
  std::optional<coordination::key_value> identity;
  std::optional<coordination::key_value> migration;
};

void view_cluster(coordination::store& store, const key_space& keys, mono_time deadline,
                  coordination::store::callback<cluster_view> then);

/// @param then the id of some node that is there, or empty.
void find_some_node(coordination::store& store, const key_space& keys, mono_time deadline,
                    coordination::store::callback<std::string> then);

struct cluster_wish {
  std::string id;         ///< Of the cluster; empty: whichever etcd has.
  bool may_found = false; ///< If there is none yet. Not for a store that is a copy of one already.
};

struct found_cluster {
  std::string id; ///< For replica_config.
  /// No registry has begun to be moved in since: for membership_config::join_when.
  coordination::condition unmoved;
};

/// @param wanted an id; empty: whichever. @errors as find_cluster.
result<found_cluster> judge_cluster(const cluster_view& seen, const key_space& keys,
                                    const std::string& wanted);

/// Asks etcd which cluster it has, or founds one. Each node does so before it starts anything else.
/// @errors ec::conflict: it is another one, or a registry is being moved in; ec::not_found: there
/// is none; ec::corrupt, ec::unsupported; or as the store's: try again.
void find_cluster(coordination::store& store, const key_space& keys, const cluster_wish& wish,
                  mono_time deadline, coordination::store::callback<found_cluster> then);

} // namespace shoal::cluster
