// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::coordination {

/// How to reach an etcd cluster, and how patient to be with it.
struct etcd_config {
  /// "http://HOST:PORT" or "https://HOST:PORT" of each member; an IPv6 address stands in brackets.
  /// All of one cluster.
  std::vector<std::string> endpoints;

  std::string user; ///< Empty: no authentication. Needs https unless the endpoint is on loopback.
  std::string password;

  std::string ca_file;   ///< PEM: who may vouch for the members; empty: the system's list.
  std::string cert_file; ///< PEM: our certificate; empty: none.
  std::string key_file;  ///< PEM: its key, without a password.

  /// Looking up the name, TCP and TLS together; then the next endpoint gets its turn.
  std::chrono::milliseconds connect_timeout{1000};

  /// What may be asked twice is asked elsewhere after this, and the endpoint is preferred no more.
  std::chrono::milliseconds answer_timeout{2000};

  /// How often the endpoint of a silent watch is asked whether it is there.
  std::chrono::milliseconds watch_check{2000};

  /// How often endpoints that are not preferred are asked whether they are there, for whoever looks
  /// at `etcd_health`. 0: never.
  std::chrono::milliseconds probe_period{0};

  size_t connections = 32; ///< For requests, 1..limits::etcd_requests_max; each watch has its own.
};

/// Where one member listens.
struct etcd_endpoint {
  std::string host;  ///< A name or an address, without brackets.
  uint16_t port = 0; ///< Never 0 once parsed.
  bool tls = false;

  /// @returns "host:port" as it stands in a Host header.
  std::string authority() const;

  /// @errors ec::invalid_argument for anything but a scheme, a host and a port.
  static result<etcd_endpoint> parse(std::string_view url);

  bool operator==(const etcd_endpoint&) const = default;
};

/// @errors ec::invalid_argument and what is wrong; files are not looked at.
result<void> validate(const etcd_config& cfg);

} // namespace shoal::coordination
