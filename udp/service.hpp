// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_guest.hpp"
#include "actors/edge_port.hpp"
#include "actors/tracker_gate.hpp"
#include "udp/config.hpp"
#include "udp/key_rotation.hpp"
#include "udp/metrics.hpp"
#include "udp/offenders.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace shoal::udp {

/// The UDP tracker of a node: what the guests of its edge threads share. Thread-safe.
class service {
public:
  /// @param gate, directory, registry outlive the service.
  /// @param secret the node's own.
  service(udp_config config, tracker_gate& gate, const swarm_directory& directory,
          const hash_key& secret, metrics::registry& registry);

  /// Finds out which of the configured addresses can be used. Call once, before the first guest.
  /// @errors ec::unavailable with the address and why.
  result<void> prepare();

  /// Makes the guest of one edge thread, which must go before the service does.
  /// @errors ec::unavailable: an address cannot be bound.
  result<std::unique_ptr<edge_guest>> make_guest(boost::asio::io_context& io, edge_port& port);

  const udp_config& config() const { return config_; }
  tracker_gate& gate() { return gate_; }
  const swarm_directory& directory() const { return directory_; }
  udp_metrics& counted() { return metrics_; }
  offenders& bad_clients() { return offenders_; }

  /// A token of the client's bucket for error packets that answer what anybody may have sent in its
  /// name. @returns false if there is none.
  bool may_have_error(const ip_address& client, mono_time now) {
    return error_limiter_.allow(client, now);
  }

  /// The client has shown a passkey. A scrape cannot: BEP 41's options belong to announces.
  void vouch_for(const ip_address& client, mono_time now);
  bool vouched_for(const ip_address& client, mono_time now) const {
    return vouched_.find(client, now).until > now;
  }

  /// Replaces the secrets of connection ids without refusing those that are out: see key_rotation.
  /// @param secrets the current one, then those that are accepted, too; at least one.
  /// @returns whether they are others than before.
  bool change_secrets(std::span<const std::string> secrets, mono_time now);

  /// The keys of connection ids; guests look once a second.
  connection_keys keys(mono_time now) const;

private:
  struct vouch {
    mono_time until;
  };

  void add_use_metrics(metrics::registry& registry);

  udp_config config_;
  tracker_gate& gate_;
  const swarm_directory& directory_;
  udp_metrics metrics_;
  offenders offenders_;
  address_table<vouch> vouched_;
  rate_limiter error_limiter_;
  mutable std::mutex keys_mutex_;
  key_rotation keys_;
};

} // namespace shoal::udp
