// SPDX-License-Identifier: Apache-2.0
#include "cmd/cluster_config.hpp"

#include "actors/link_kinds.hpp"
#include "cluster/link_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <unistd.h>

namespace shoal::cmd {

namespace {

constexpr uint16_t default_link_port = 7420;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0)
    return "shoal";
  return name.data();
}

result<std::string> first_line(const std::string& path) {
  std::ifstream in{path};
  std::string line;
  if (!std::getline(in, line) || line.empty())
    return fail(ec::invalid_argument,
                "etcd-password-file: " + path + ": " + (errno ? std::strerror(errno) : "empty"));
  return line;
}

/// Never the same twice, so that two lives of a node are told apart.
uint64_t draw_incarnation() {
  std::random_device random;
  return (uint64_t{random()} << 32 | random()) | 1;
}

bool is_any(const ip_address& x) {
  return std::all_of(x.bytes.begin(), x.bytes.end(), [](auto byte) { return byte == 0; });
}

endpoint listen_address(const cluster_config& c) {
  if (!c.link_listen.empty())
    return c.link_listen.front();
  return {c.insecure_links ? *ip_address::parse("127.0.0.1") : *ip_address::parse("0.0.0.0"),
          default_link_port};
}

result<coordination::etcd_config> etcd_of(const cluster_config& c) {
  coordination::etcd_config etcd;
  for (auto& one : c.join)
    etcd.endpoints.push_back(one.find("://") == std::string::npos ? "http://" + one : one);
  etcd.user = c.etcd_user;
  if (!c.etcd_password_file.empty()) {
    auto password = first_line(c.etcd_password_file);
    if (!password)
      return tl::unexpected{password.error()};
    etcd.password = *password;
  }
  etcd.ca_file = c.etcd_ca;
  etcd.cert_file = c.etcd_cert;
  etcd.key_file = c.etcd_key;
  if (auto sound = coordination::validate(etcd); !sound)
    return fail(ec::invalid_argument, "join: " + sound.error().detail);
  return etcd;
}

/// @param links where this node is reached, "host:port".
result<bulk_config> bulk_of(const cluster_config& c, const endpoint& link_listen,
                            const std::string& links) {
  if (c.bulk_listen.size() > 1)
    return fail(ec::invalid_argument, "bulk-listen takes one address");
  bulk_config bulk;
  bulk.listen = c.bulk_listen.empty() ? endpoint{link_listen.address, 0} : c.bulk_listen.front();
  if (c.insecure_links && !bulk.listen.address.is_loopback())
    return fail(ec::invalid_argument, "bulk-listen: without TLS, loopback addresses only");
  bulk.host = links.substr(0, links.rfind(':'));
  bulk.advertise = c.bulk_advertise;
  if (!bulk.advertise.empty() && cluster::split_address(bulk.advertise).first.empty())
    return fail(ec::invalid_argument, "bulk-advertise is \"host:port\"");
  return bulk;
}

} // namespace

std::vector<option> cluster_options(cluster_config& c) {
  return {
      setting("cluster.join", c.join,
              "etcd endpoints, \"http://host:2379\"; none: this node is alone"),
      setting("cluster.cluster-id", c.cluster_id, "The cluster to join; default: the one in etcd"),
      setting("cluster.cluster-prefix", c.prefix, "Prefix of the cluster's keys in etcd"),
      setting("cluster.node-id", c.node_id, "Name of this node; default: the host's name"),
      setting("cluster.zone", c.zone, "Owner and standby of a slot stand in different zones"),
      setting("cluster.weight", c.weight, "Share of the slots relative to other nodes; 0: none", 0u,
              1000u),
      setting("cluster.link-listen", c.link_listen,
              "Address and port for other nodes; default: port 7420 of all addresses"),
      setting("cluster.link-advertise", c.link_advertise,
              "Where other nodes reach it, \"host:port\"; default: as link-listen says"),
      setting(
          "cluster.bulk-listen", c.bulk_listen,
          "Address and port where other nodes read objects; default: any port beside the links"),
      setting("cluster.bulk-advertise", c.bulk_advertise,
              "Where other nodes reach that, \"host:port\"; default: as bulk-listen says"),
      setting("cluster.link-ca", c.link_ca, "PEM: who vouches for the cluster's nodes"),
      setting("cluster.link-cert", c.link_cert, "PEM: this node's certificate, for its node-id"),
      setting("cluster.link-key", c.link_key, "PEM: its key"),
      setting("cluster.insecure-links", c.insecure_links,
              "Links without TLS, only on loopback addresses"),
      setting("cluster.etcd-user", c.etcd_user, "Name for etcd; none: no authentication"),
      setting("cluster.etcd-password-file", c.etcd_password_file, "File that holds its password"),
      setting("cluster.etcd-ca", c.etcd_ca, "PEM: who vouches for etcd's members"),
      setting("cluster.etcd-cert", c.etcd_cert, "PEM: certificate for etcd"),
      setting("cluster.etcd-key", c.etcd_key, "PEM: its key"),
      setting("cluster.copies", c.copies.copies, "Nodes that keep each published object", 1u, 16u),
      setting("cluster.copies-absence", c.copies.absence,
              "Until others copy what a node had that is away", int64_t{0}, int64_t{30} * 86'400),
      setting("cluster.copies-bytes-per-second", c.copies.bytes_per_second,
              "Bytes per second that are fetched to repair and to rebalance copies; 0: no limit",
              uint64_t{0}, uint64_t{1} << 40),
      setting("cluster.leave-timeout", c.leave_timeout, "To hand over all slots when it ends",
              int64_t{1}, int64_t{3600}),
      setting("cluster.protocol-max", c.protocol_max,
              "Latest version of the protocol between nodes that it speaks",
              cluster::protocol_first, cluster::protocol_latest),
  };
}

result<void> validate(const cluster_config& c) {
  if (!c.joins())
    return c.passkeys ? fail(ec::invalid_argument, "cluster-passkeys needs a cluster to join")
                      : result<void>{};
  auto made = cluster_side_of(c, 0);
  if (!made)
    return tl::unexpected{made.error()};
  if (!c.insecure_links)
    if (auto files = cluster::make_link_context(made->links.files); !files)
      return tl::unexpected{files.error()};
  return {};
}

result<cluster_side_config> cluster_side_of(const cluster_config& c, uint64_t fingerprint) {
  cluster_side_config made;
  auto etcd = etcd_of(c);
  if (!etcd)
    return tl::unexpected{etcd.error()};
  made.member.etcd = std::move(*etcd);
  made.member.wish.id = c.cluster_id;
  made.member.membership.prefix = c.prefix;
  if (c.link_listen.size() > 1)
    return fail(ec::invalid_argument, "link-listen takes one address");
  auto listen = listen_address(c);
  auto& self = made.member.membership.self;
  self.id = c.node_id.empty() ? host_name() : c.node_id;
  self.incarnation = draw_incarnation();
  self.zone = c.zone;
  self.weight = c.weight;
  self.version = SHOAL_VERSION;
  self.protocol_min = cluster::protocol_first;
  self.protocol_max = c.protocol_max;
  self.url = c.public_url;
  self.addresses = c.link_advertise;
  if (self.addresses.empty())
    self.addresses
        = {is_any(listen.address) ? host_name() + ":" + std::to_string(listen.port) : listen.str()};
  if (auto sound = cluster::check(self); !sound)
    return fail(ec::invalid_argument, "cluster: " + sound.error().detail);
  if (!c.insecure_links && (c.link_ca.empty() || c.link_cert.empty() || c.link_key.empty()))
    return fail(ec::invalid_argument, "a cluster needs link-ca, link-cert and link-key "
                                      "(deploy/dev-certs makes them), or insecure-links");
  if (c.insecure_links && !listen.address.is_loopback())
    return fail(ec::invalid_argument, "link-listen: without TLS, loopback addresses only");
  made.links.listen = listen;
  made.links.files = {c.link_ca, c.link_cert, c.link_key};
  made.links.insecure = c.insecure_links;
  made.links.self.fingerprint = fingerprint;
  made.links.self.protocol_min = self.protocol_min;
  made.links.self.protocol_max = self.protocol_max;
  made.links.since = &link_kind::since;
  auto bulk = bulk_of(c, listen, self.addresses.front());
  if (!bulk)
    return tl::unexpected{bulk.error()};
  made.bulk = std::move(*bulk);
  made.copies = c.copies;
  return made;
}

} // namespace shoal::cmd
