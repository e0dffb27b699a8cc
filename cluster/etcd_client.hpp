// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"
#include "cluster/etcd_config.hpp"
#include "cluster/etcd_endpoints.hpp"

#include <memory>

namespace boost::asio {
class io_context;
}

namespace shoal::coordination {

/// How the way to etcd is, for metrics.
struct etcd_health {
  std::string endpoint;   ///< Preferred, "host:port".
  bool reachable = true;  ///< False once a request has tried all in vain.
  size_t requests = 0;    ///< Not yet answered, limits::etcd_requests_max at most.
  size_t watches = 0;     ///< limits::etcd_watches_max at most.
  size_t connections = 0; ///< For requests, in use and idle.
  uint64_t connects = 0;  ///< Connections ever begun.
  uint64_t failovers = 0; ///< How often another endpoint became the preferred one.
  std::vector<etcd_endpoint_health> endpoints;
};

/// etcd 3.4 or later as coordination service, through its v3 JSON gateway.
///
/// Beyond what `store` says: `commit` gives ec::not_found if the lease of an operation has ended.
/// A `read` whose answer would be too large comes back with fewer keys and `more`. A watch may be
/// lost for ec::unauthorized, ec::invalid_argument or ec::shutting_down too; one that begins before
/// what is compacted starts, and then is lost. Whoever watches again at once after a loss asks an
/// absent etcd in circles: wait in between.
class etcd_client : public store {
public:
  /// @param io runs on one thread, from which this is called; outlives this.
  /// @errors ec::invalid_argument: the configuration, or a file it names. Nothing is connected yet.
  static result<std::unique_ptr<etcd_client>> make(boost::asio::io_context& io, etcd_config cfg);

  virtual etcd_health health() const = 0;
};

} // namespace shoal::coordination
