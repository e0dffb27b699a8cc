// SPDX-License-Identifier: Apache-2.0
// A node's side of the origins.
#include "actors/cluster_side.hpp"
#include "actors/mirror_maker.hpp"
#include "actors/must_live.hpp"
#include "actors/node.hpp"
#include "actors/object_gatherer.hpp"
#include "actors/piece_finder.hpp"
#include "actors/preheater.hpp"
#include "actors/pull_errands.hpp"
#include "actors/webseed.hpp"

namespace shoal {

result<void> node::reach_origins(metrics::registry& metrics) {
  if (!config_.webseed.asks_origins())
    return {};
  auto made
      = webseed_side::start(config_.webseed, config_.data_dir / "webseed", *objects_, metrics);
  if (!made)
    return tl::unexpected{made.error()};
  web_origins_ = std::move(*made);
  if (shared_registry_)
    spawn_gatherer(metrics);
  piece_finder_config pieces{web_origins_.get(), registry_config_.catalog, gatherer_};
  pieces_ = system_->spawn<piece_finder>(std::move(pieces));
  must_live(pieces_, "piece_finder");
  webseed_ = system_->spawn<shoal::webseed>(web_origins_.get(), pieces_);
  must_live(webseed_, "webseed");
  spawn_mirror_maker(metrics);
  spawn_preheater(metrics);
  return {};
}

void node::spawn_mirror_maker(metrics::registry& metrics) {
  mirror_maker_config mirrors;
  mirrors.side = web_origins_.get();
  mirrors.claims = claims_.get();
  mirrors.metrics = &metrics;
  mirrors.webseed = webseed_;
  mirrors.catalog = registry_config_.catalog;
  if (shared_registry_) {
    mirrors.replicator = shared_registry_->replicator();
    mirrors.gatherer = gatherer_;
  }
  if (auto* side = config_.cluster) {
    mirrors.news.links = &side->links();
    mirrors.news.there = [side] { return side->candidates(); };
    mirrors.news.self = side->node_id();
  }
  mirrors.registry_of = [this](const info_hash& swarm) { return registry_of(swarm); };
  mirrors_ = system_->spawn<mirror_maker>(std::move(mirrors));
  must_live(mirrors_, "mirror_maker");
}

void node::spawn_gatherer(metrics::registry& metrics) {
  object_gatherer_config gathers;
  gathers.finder = shared_registry_->finder();
  gathers.pulls = &shared_registry_->pulls();
  gathers.claims = claims_.get();
  gathers.disk = &web_origins_->disk();
  gathers.metrics = &metrics;
  gatherer_ = system_->spawn<object_gatherer>(std::move(gathers));
  must_live(gatherer_, "object_gatherer");
}

pull_errands_actor node::spawn_errands(metrics::registry& metrics) {
  auto* side = config_.cluster;
  pull_errands_config errands;
  errands.side = web_origins_.get();
  errands.links = &side->links();
  errands.metrics = &metrics;
  errands.webseed = webseed_;
  errands.there = [side] { return side->candidates(); };
  errands.self = side->node_id();
  errands_ = system_->spawn<pull_errands>(std::move(errands));
  must_live(errands_, "pull_errands");
  return errands_;
}

void node::spawn_preheater(metrics::registry& metrics) {
  preheater_config preheats;
  preheats.side = web_origins_.get();
  preheats.claims = claims_.get();
  preheats.metrics = &metrics;
  preheats.webseed = webseed_;
  preheats.mirrors = mirrors_;
  preheats.catalog = registry_config_.catalog;
  if (shared_registry_) {
    preheats.finder = shared_registry_->finder();
    preheats.pulls = &shared_registry_->pulls();
    preheats.errands = spawn_errands(metrics);
  }
  preheater_ = system_->spawn<shoal::preheater>(std::move(preheats));
  must_live(preheater_, "preheater");
}

} // namespace shoal
