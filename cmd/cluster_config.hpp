// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/cluster_side.hpp"
#include "cmd/option_table.hpp"

namespace shoal::cmd {

/// What an operator says about the cluster; `join` empty: there is none.
struct cluster_config {
  std::vector<std::string> join; ///< etcd endpoints.
  std::string cluster_id;
  std::string prefix = "shoal/";
  std::string node_id; ///< Empty: the host's name.
  std::string zone;
  std::string public_url; ///< As http_config has it; other nodes name it to clients.
  unsigned weight = 1;
  std::vector<endpoint> link_listen;       ///< One; empty: port 7420 of all addresses.
  std::vector<std::string> link_advertise; ///< "host:port"; empty: what `link_listen` says.
  std::vector<endpoint> bulk_listen;       ///< One; empty: any port of the address of links.
  std::string bulk_advertise;              ///< "host:port"; empty: as links have it, and that port.
  std::string link_ca;
  std::string link_cert;
  std::string link_key;
  bool insecure_links = false;
  std::string etcd_user;
  std::string etcd_password_file;
  std::string etcd_ca;
  std::string etcd_cert;
  std::string etcd_key;
  std::chrono::seconds leave_timeout{20}; ///< For handing over all slots.
  uint32_t protocol_max = cluster::protocol_latest;
  copies_config copies;
  bool passkeys = false; ///< There are passkeys, of the cluster's own secret.

  bool joins() const { return !join.empty(); }
};

std::vector<option> cluster_options(cluster_config& c);

/// @returns nothing wrong, or what. Reads the files that it names.
result<void> validate(const cluster_config& c);

/// @param fingerprint of the settings that all nodes must have alike.
/// @errors ec::invalid_argument.
result<cluster_side_config> cluster_side_of(const cluster_config& c, uint64_t fingerprint);

} // namespace shoal::cmd
