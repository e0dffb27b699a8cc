// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/tracker_gate.hpp"
#include "cluster/member.hpp"
#include "http/server.hpp"
#include "udp/service.hpp"

namespace shoal::cmd {

/// What is made of the cluster's secret of connection ids, current first.
/// @returns nothing if there is no such ring.
std::vector<std::string> udp_secrets(const cluster::member& member);

/// The same of passkeys.
std::vector<std::string> passkey_secrets(const cluster::member& member);

/// The same of SwarmUI's sessions.
std::vector<std::string> session_secrets(const cluster::member& member);

/// Has keys live as long as the configuration says of what is made of them.
void set_lives(std::vector<cluster::shared_key_config>& keys, const http::http_config& config);

/// Passes the cluster's shared keys on to whoever uses them, when they are there and whenever they
/// change. Thread-safe.
class cluster_keys {
public:
  /// Nothing changes for null.
  struct users {
    udp::service* udp = nullptr;
    http::server* http = nullptr;
    tracker_gate* passkeys = nullptr;
  };

  /// Begins. @param who and the member outlive the attachment.
  void attach(const cluster::member& member, const users& who);

  void detach();

  /// A ring has changed.
  void changed(std::string_view name);

private:
  void pass_on(std::string_view name) const;

  std::mutex mutex_;
  const cluster::member* member_ = nullptr;
  users users_;
};

} // namespace shoal::cmd
