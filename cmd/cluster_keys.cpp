// SPDX-License-Identifier: Apache-2.0
#include "cmd/cluster_keys.hpp"

#include "core/log.hpp"

namespace shoal::cmd {

namespace {

/// A node whose clock is ahead issues sessions that end later, and one that etcd does not reach
/// issues them under the old secret for longer.
constexpr std::chrono::hours session_slack{24};

/// @returns what is made of each generation of a ring, current first.
std::vector<std::string> derive_all(const cluster::member& member, const std::string& name,
                                    std::string_view label, size_t bytes) {
  std::vector<std::string> made;
  auto ring = member.ring(name);
  if (!ring)
    return made;
  made.push_back(cluster::derive_key(ring->current.secret, label, bytes));
  for (auto& other : ring->others)
    made.push_back(cluster::derive_key(other.secret, label, bytes));
  return made;
}

std::vector<http::ticket_keys::key> ticket_keys(const cluster::member& member) {
  std::vector<http::ticket_keys::key> made;
  for (auto& secret : derive_all(member, cluster::shared_key::tickets.name, "TLS session tickets",
                                 http::ticket_keys::key::bytes))
    made.push_back(http::ticket_keys::key::from(secret));
  return made;
}

} // namespace

std::vector<std::string> udp_secrets(const cluster::member& member) {
  return derive_all(member, cluster::shared_key::udp.name, "UDP connection ids", 32);
}

std::vector<std::string> passkey_secrets(const cluster::member& member) {
  return derive_all(member, cluster::shared_key::passkeys.name, "passkeys", 32);
}

std::vector<std::string> session_secrets(const cluster::member& member) {
  return derive_all(member, cluster::shared_key::sessions.name, "sessions", 32);
}

void set_lives(std::vector<cluster::shared_key_config>& keys, const http::http_config& config) {
  for (auto& key : keys) {
    if (key.name == cluster::shared_key::signing.name)
      key.rotate_every = config.signing_rotation;
    if (key.name == cluster::shared_key::sessions.name)
      key.accept = config.session_life + session_slack;
  }
}

void cluster_keys::attach(const cluster::member& member, const users& who) {
  std::lock_guard guard{mutex_};
  member_ = &member;
  users_ = who;
  for (auto* key :
       {&cluster::shared_key::udp, &cluster::shared_key::tickets, &cluster::shared_key::passkeys,
        &cluster::shared_key::signing, &cluster::shared_key::sessions})
    pass_on(key->name);
}

void cluster_keys::detach() {
  std::lock_guard guard{mutex_};
  member_ = nullptr;
}

void cluster_keys::changed(std::string_view name) {
  log::info("cluster", "has other shared keys name={}", name);
  std::lock_guard guard{mutex_};
  if (member_)
    pass_on(name);
}

void cluster_keys::pass_on(std::string_view name) const {
  if (users_.udp && name == cluster::shared_key::udp.name)
    if (auto secrets = udp_secrets(*member_); !secrets.empty())
      users_.udp->change_secrets(secrets, mono_now());
  if (users_.passkeys && name == cluster::shared_key::passkeys.name)
    users_.passkeys->change_secrets(passkey_secrets(*member_));
  if (users_.http && name == cluster::shared_key::tickets.name)
    if (auto keys = ticket_keys(*member_); !keys.empty())
      users_.http->share_tickets(std::move(keys));
  if (users_.http && name == cluster::shared_key::sessions.name)
    users_.http->share_sessions(session_secrets(*member_));
  if (users_.http && name == cluster::shared_key::signing.name)
    if (auto ring = member_->ring(name)) {
      auto all = ring->others;
      all.push_back(ring->current);
      users_.http->share_signing(all, ring->current.number);
    }
}

} // namespace shoal::cmd
