// SPDX-License-Identifier: Apache-2.0
#include "actors/cluster_registry.hpp"

#include "actors/cluster_writer.hpp"
#include "actors/must_live.hpp"
#include "actors/object_keeper.hpp"
#include "actors/registry_host.hpp"
#include "actors/registry_proxy.hpp"
#include "actors/registry_reader.hpp"
#include "cluster/lmdb_copy.hpp"
#include "cluster/registry_metrics.hpp"

namespace shoal {

namespace {

/// Following the cluster would erase what only this node has.
result<void> check_is_copy(const lmdb_store& store, const std::string& cluster) {
  auto state = cluster::copy_state(store);
  if (!state)
    return tl::unexpected{state.error()};
  return cluster::may_start_in(*state, cluster);
}

} // namespace

cluster_registry::cluster_registry(const cluster_parts& parts, const lmdb_store& store,
                                   swarm_directory& directory)
    : parts_{parts}, store_{store}, feed_{store, directory, parts.stopped} {
  if (parts_.candidates)
    duties_ = std::make_unique<object_duties>(parts_.self, parts_.copies, parts_.copies_absence);
}

result<std::unique_ptr<cluster_registry>>
cluster_registry::start(const cluster_parts& parts, lmdb_store& store, swarm_directory& directory) {
  if (auto copy = check_is_copy(store, parts.cluster); !copy)
    return tl::unexpected{copy.error()};
  std::unique_ptr<cluster_registry> made{new cluster_registry{parts, store, directory}};
  auto service = parts.start_registry(store, made->feed_);
  if (!service)
    return tl::unexpected{service.error()};
  made->service_ = std::move(*service);
  made->service_handle_ = made->service_.get();
  if (auto seen = made->service_->await_first_view(parts.first_view_patience); !seen)
    return tl::unexpected{seen.error()};
  made->feed_.begin();
  return made;
}

commit_writer_actor cluster_registry::spawn_writer(caf::actor_system& sys,
                                                   metrics::registry& metrics) {
  cluster::add_registry_metrics(metrics, *service_);
  meters_ = std::make_unique<search_meters>(metrics);
  peers_.meters = meters_.get();
  return sys.spawn<cluster_writer>(&service_handle_, &metrics);
}

void cluster_registry::attach(caf::actor_system& sys, const shards& to,
                              const catalog_actor& catalog, const object_steward_actor& steward,
                              object_store& objects, object_claims& claims) {
  feed_.attach(to, catalog, steward);
  peers_.shards = to;
  peers_.routes = parts_.routes;
  peers_.links = parts_.links;
  peers_.service = service_.get();
  peers_.store = &store_;
  object_keeper_config keeping;
  keeping.objects = &objects;
  keeping.routes = parts_.routes;
  keeping.links = parts_.links;
  keeping.zone = parts_.zone;
  keeping.bulk_address = parts_.bulk_address;
  peers_.keeper = sys.spawn<object_keeper, caf::detached>(keeping);
  must_live(peers_.keeper, "object_keeper");
  object_finder_config finding;
  finding.links = parts_.links;
  finding.zone = parts_.zone;
  finding.others = parts_.others;
  finder_ = sys.spawn<object_finder>(finding);
  must_live(finder_, "object_finder");
  if (duties_)
    spawn_replicator(sys, steward, objects, claims);
  for (size_t i = 0; i < proxies_.size(); ++i) {
    proxies_[i] = sys.spawn<registry_proxy>(i, &peers_);
    must_live(proxies_[i], "registry_proxy/" + std::to_string(i));
  }
  reader_ = sys.spawn<registry_reader>(&peers_);
  must_live(reader_, "registry_reader");
  host_ = sys.spawn<registry_host>(&peers_);
  must_live(host_, "registry_host");
  host_mail_ = std::make_shared<late_mail>(host_);
  keeper_mail_ = std::make_shared<late_mail>(peers_.keeper);
  serve_registry(*parts_.links, host_mail_, keeper_mail_);
}

void cluster_registry::spawn_replicator(caf::actor_system& sys, const object_steward_actor& steward,
                                        object_store& objects, object_claims& claims) {
  object_replicator_config config;
  config.objects = &objects;
  config.claims = &claims;
  config.duties = duties_.get();
  config.pulls = &pulls_;
  config.links = parts_.links;
  config.finder = finder_;
  config.steward = steward;
  config.there = parts_.candidates;
  config.self = parts_.self;
  config.zone = parts_.zone;
  config.bulk_address = parts_.bulk_address;
  replicator_ = sys.spawn<object_replicator, caf::detached>(config);
  must_live(replicator_, "object_replicator");
  replicator_mail_ = std::make_shared<late_mail>(replicator_);
  for (auto kind : {link_kind::hold_objects, link_kind::drain_state})
    parts_.links->serve(kind, [mail = replicator_mail_](const cluster::link_message& x,
                                                        const cluster::link_reply& reply) {
      if (x.is_request)
        mail->send(
            link_question{std::string{x.from}, x.kind, std::string{x.body}, x.deadline, reply});
    });
}

void cluster_registry::end(const std::function<void()>& then) {
  auto end = [](auto& actor) { caf::anon_send_exit(actor, caf::exit_reason::user_shutdown); };
  host_mail_->close();
  keeper_mail_->close();
  if (replicator_) {
    replicator_mail_->close();
    end(replicator_);
  }
  end(host_);
  end(reader_);
  end(finder_);
  for (auto& proxy : proxies_)
    end(proxy);
  end(peers_.keeper);
  then();
  // Now nobody looks at them any more. The commit thread tells whoever still waits.
  service_.reset();
  feed_.detach();
  proxies_ = {};
  host_ = nullptr;
  finder_ = nullptr;
  replicator_ = nullptr;
  reader_ = nullptr;
  peers_.shards = {};
  peers_.keeper = nullptr;
}

uint64_t cluster_registry::staleness_s() const {
  return static_cast<uint64_t>(
      std::chrono::ceil<std::chrono::seconds>(service_->status().lag).count());
}

} // namespace shoal
