// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"
#include "cluster/keys.hpp"

namespace shoal::cluster {

/// Finds out which cluster lives below the prefix, and founds one if there is none. The value of
/// shoal/cluster is JSON: its id (32 hexadecimal digits) and the version of the layout of keys.
class cluster_identity {
public:
  static constexpr uint32_t layout = 1;

  /// All outlive it. @param wanted the id it must have; empty: whatever it is.
  /// @param fresh the id of a cluster that is founded.
  cluster_identity(coordination::store& store, const key_space& keys, std::string wanted,
                   std::string fresh, const std::function<mono_time()>& now);

  /// Does what is due, until it is known.
  void advance();

  /// @returns nothing as long as etcd has not answered. @errors ec::conflict: another cluster than
  /// wanted; ec::corrupt: what stands there is no identity; ec::unsupported: of a later layout.
  const std::optional<result<std::string>>& known() const { return known_; }

private:
  void on_answer(const result<coordination::transaction_result>& answer);
  result<std::string> read(const std::string& value) const;

  coordination::store& store_;
  std::string key_;
  std::string wanted_;
  std::string fresh_;
  const std::function<mono_time()>& now_;
  std::optional<result<std::string>> known_;
  bool asking_ = false;
  mono_time next_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
