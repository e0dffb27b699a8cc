// SPDX-License-Identifier: Apache-2.0
#include "actors/cluster_side.hpp"

#include "actors/cluster_metrics.hpp"
#include "cluster/client_urls.hpp"
#include "cluster/link_metrics.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <cstring>

namespace shoal {

namespace {

using namespace std::chrono_literals;

constexpr auto complaint_period = 10s;

/// Without etcd nobody can take over; it may only have stumbled.
constexpr auto etcd_grace = 3s;

/// Between looks whether etcd is there, while waiting for something else.
constexpr auto look_period = 200ms;

} // namespace

cluster_side::cluster_side(cluster_side_config config, events what)
    : config_{std::move(config)}, events_{std::move(what)}, routes_{node_id()} {}

cluster_side::~cluster_side() {
  end();
}

result<std::unique_ptr<cluster_side>> cluster_side::start(cluster_side_config config, events what,
                                                          metrics::registry& metrics,
                                                          const std::function<bool()>& gives_up) {
  std::unique_ptr<cluster_side> made{new cluster_side{std::move(config), std::move(what)}};
  auto member = cluster::member::start(made->config_.member, made->routes_, *made);
  if (!member)
    return tl::unexpected{member.error()};
  made->member_ = std::move(*member);
  if (auto found = made->find_cluster(gives_up); !found)
    return tl::unexpected{found.error()};
  if (auto opened = made->open_links(metrics); !opened)
    return tl::unexpected{opened.error()};
  return made;
}

result<void> cluster_side::find_cluster(const std::function<bool()>& gives_up) {
  auto complain_at = mono_now() + 1s;
  for (;;) {
    auto known = member_->await_identity(500ms);
    if (known) {
      cluster_id_ = *known;
      log::info("cluster", "joins cluster={} node=\"{}\" incarnation={}", cluster_id_, node_id(),
                incarnation());
      return {};
    }
    if (known.error().code != ec::timeout)
      return tl::unexpected{known.error()};
    if (gives_up())
      return fail(ec::shutting_down, "told to end while waiting for etcd");
    if (mono_now() < complain_at)
      continue;
    complain_at = mono_now() + complaint_period;
    log::warn("cluster", "waits for etcd endpoints={}", config_.member.etcd.endpoints.size());
  }
}

result<void> cluster_side::open_links(metrics::registry& metrics) {
  auto& self = config_.links.self;
  self.cluster = cluster_id_;
  self.node = node_id();
  self.incarnation = incarnation();
  auto started = cluster::link_hub::start(config_.links);
  if (!started)
    return tl::unexpected{started.error()};
  links_ = std::move(*started);
  switch_.to = links_.get();
  relay_ = std::make_unique<relay_hub>(switch_, routes_, config_.whole_ids, metrics);
  relay_->start();
  admin_ = std::make_unique<cluster_admin>(node_id(), *member_, switch_, links_->board());
  add_cluster_metrics(metrics, *member_, routes_);
  commits_ = std::make_unique<cluster::commit_meters>(metrics);
  cluster::add_link_metrics(metrics, links_->board());
  places_ = std::make_unique<swarm_places>(switch_, routes_);
  web_ = std::make_unique<web_relay>(switch_, *places_, routes_, metrics);
  swarms_ = std::make_unique<swarm_relay>(switch_, *places_, routes_, metrics);
  return {};
}

hash_key cluster_side::secret() const {
  auto ring = member_->ring("identities");
  SHOAL_CHECK(ring.has_value());
  hash_key key{};
  auto bytes = cluster::derive_key(ring->current.secret, "identities of peers", sizeof(key));
  std::memcpy(&key, bytes.data(), sizeof(key));
  return key;
}

std::vector<std::string> cluster_side::others() const {
  std::vector<std::string> names;
  auto seen = member_->view();
  for (auto& node : seen->nodes)
    if (node.record.id != node_id())
      names.push_back(node.record.id);
  return names;
}

std::vector<cluster::candidate> cluster_side::candidates() const {
  std::vector<cluster::candidate> all;
  auto seen = member_->view();
  for (auto& node : seen->nodes)
    all.push_back({node.record.id, node.record.weight, node.record.zone,
                   node.is_draining || node.record.leaving});
  return all;
}

std::vector<cluster::candidate> cluster_side::keepers() const {
  std::vector<cluster::candidate> all;
  auto seen = member_->view();
  for (auto& node : seen->nodes)
    all.push_back({node.record.id, node.record.weight, node.record.zone, node.is_draining});
  return all;
}

std::vector<std::string> cluster_side::client_urls() const {
  auto seen = member_->view();
  return cluster::client_urls(seen->nodes, node_id());
}

std::string cluster_side::bulk_address() const {
  std::lock_guard guard{bulk_mutex_};
  return bulk_address_;
}

void cluster_side::set_bulk_port(uint16_t port) {
  auto& bulk = config_.bulk;
  std::lock_guard guard{bulk_mutex_};
  bulk_address_ = bulk.advertise.empty() ? bulk.host + ':' + std::to_string(port) : bulk.advertise;
}

cluster::registry_service_config cluster_side::registry_config() const {
  cluster::registry_service_config made;
  made.etcd = config_.member.etcd;
  made.engine.cluster = cluster_id_;
  made.engine.node = node_id();
  made.engine.incarnation = incarnation();
  made.engine.meters = commits_.get();
  made.engine.prefix = config_.member.membership.prefix;
  return made;
}

void cluster_side::attach(caf::actor_system& sys, const web_swarms& swarms) {
  web_->attach(sys, swarms);
  swarms_->attach(sys, *swarms.directory, *swarms.shards);
  web_->start();
}

void cluster_side::detach() {
  web_->stop();
  swarms_->stop();
}

void cluster_side::join(cluster::membership_listener& duties) {
  duties_ = &duties;
  member_->join(*this, switch_);
}

bool cluster_side::leave(std::chrono::milliseconds patience) {
  member_->leave();
  auto until = mono_now() + patience;
  auto seen = mono_now();
  for (;;) {
    auto now = mono_now();
    if (member_->view()->etcd.reachable)
      seen = now;
    if (now - seen >= etcd_grace) {
      log::warn("cluster", "hands nothing over, as etcd cannot be reached for {} s",
                etcd_grace.count());
      return false;
    }
    if (member_->await_idle(std::min<std::chrono::milliseconds>(
            look_period, std::chrono::ceil<std::chrono::milliseconds>(until - now))))
      return true;
    if (mono_now() >= until)
      return false;
  }
}

bool cluster_side::has_arrived() {
  if (arrived_.load(std::memory_order_relaxed))
    return true;
  auto sight = member_->view();
  auto is_owned = [](auto& slot) { return !slot.owner.empty(); };
  if (!sight->joined || sight->slots.size() < slot_count
      || !std::all_of(sight->slots.begin(), sight->slots.end(), is_owned))
    return false;
  arrived_ = true;
  return true;
}

void cluster_side::end() {
  if (member_)
    member_->end();
  {
    std::unique_lock guard{switch_.mutex};
    switch_.to = nullptr;
  }
  links_.reset();
  relay_.reset();
}

// -- links that may have ended --------------------------------------------------------------

void cluster_side::link_switch::call(const std::string& node, uint16_t kind, std::string body,
                                     mono_time deadline, callback then) {
  {
    std::shared_lock guard{mutex};
    if (to) {
      to->call(node, kind, std::move(body), deadline, std::move(then));
      return;
    }
  }
  then(fail(ec::unavailable, "this node leaves"));
}

void cluster_side::link_switch::tell(const std::string& node, uint16_t kind, std::string body) {
  std::shared_lock guard{mutex};
  if (to)
    to->tell(node, kind, std::move(body));
}

void cluster_side::link_switch::follow(std::vector<cluster::link_peer> peers) {
  std::shared_lock guard{mutex};
  if (to)
    to->follow(std::move(peers));
}

} // namespace shoal
