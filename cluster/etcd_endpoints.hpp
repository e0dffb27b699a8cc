// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_config.hpp"

#include <cstdint>
#include <optional>

namespace shoal::coordination {

/// What is known of one endpoint.
struct etcd_endpoint_health {
  std::string endpoint; ///< "host:port".
  bool preferred = false;
  std::optional<bool> up; ///< Whether it answered when it was asked last; nothing: never asked.
  uint64_t failures = 0;  ///< How often it refused, broke off or kept silent.
};

/// Which member gets the next request: the one that answered last, until it fails.
class etcd_endpoints {
public:
  using mask = uint32_t; ///< A bit for each endpoint.

  /// @param all 1..limits::etcd_endpoints_max.
  explicit etcd_endpoints(std::vector<etcd_endpoint> all)
      : all_{std::move(all)}, seen_(all_.size()) {}

  const etcd_endpoint& operator[](size_t which) const { return all_[which]; }
  size_t size() const { return all_.size(); }
  size_t preferred() const { return preferred_; }

  /// @returns the preferred one, or the next after it that is not in `tried`; nothing if all are.
  std::optional<size_t> pick(mask tried) const;

  /// It refused, broke off or kept silent: the next one is preferred, unless another already is.
  void failed(size_t which, const error& why);

  void worked(size_t which);

  /// It did or did not answer whoever only wanted to know.
  void seen(size_t which, bool up);

  /// Somebody has tried all in vain.
  void none_left(const error& why);

  bool reachable() const { return reachable_; }
  uint64_t failovers() const { return failovers_; }
  std::vector<etcd_endpoint_health> health() const;

private:
  struct sight {
    std::optional<bool> up;
    uint64_t failures = 0;
  };

  std::vector<etcd_endpoint> all_;
  std::vector<sight> seen_;
  size_t preferred_ = 0;
  std::optional<size_t> announced_; ///< In the log.
  bool reachable_ = true;
  uint64_t failovers_ = 0;
};

} // namespace shoal::coordination
