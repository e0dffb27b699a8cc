// SPDX-License-Identifier: Apache-2.0
#include "actors/node.hpp"

#include "actors/accounts.hpp"
#include "actors/agent_share.hpp"
#include "actors/catalog.hpp"
#include "actors/cluster_side.hpp"
#include "actors/commit_writer.hpp"
#include "actors/edge_inquiry.hpp"
#include "actors/must_live.hpp"
#include "actors/object_steward.hpp"
#include "actors/replication.hpp"
#include "actors/snapshotter.hpp"
#include "actors/spent_teller.hpp"
#include "cluster/lmdb_copy.hpp"
#include "core/log.hpp"
#include "persistence/upload_book.hpp"

#include <caf/scoped_actor.hpp>

#include <cstring>
#include <random>
#include <thread>

namespace shoal {

namespace {

/// Loading millions of entries and swarms takes its time.
constexpr std::chrono::minutes start_timeout{10};

const std::string secret_key = "node.secret";

/// There from an orderly stop until the next start.
const std::string clean_key = "node.stopped_clean";

hash_key draw_secret() {
  std::random_device device;
  auto word = [&] { return uint64_t{device()} << 32 | device(); };
  return {word(), word()};
}

/// Asks and waits for the answer; logs `failure` if there is none.
template <class Reply, class Target, class Message>
void await(caf::scoped_actor& self, const Target& target, Message message,
           std::chrono::seconds timeout, std::string_view failure) {
  auto complain = [failure](const caf::error& reason) {
    log::error("node", "{} reason={}", failure, caf::to_string(reason));
  };
  self->request(target, timeout, std::move(message)).receive([](Reply) {}, complain);
}

snapshot_config snapshot_of(const node_config& config, const swarm_config& swarms) {
  return {config.data_dir / "swarms.snapshot", swarms.directory, swarms.shards,
          config.snapshot_period};
}

} // namespace

node::node(const node_config& config) : config_{config} {
  caf_config_.set("scheduler.max-threads", static_cast<int64_t>(config.scheduler_threads));
  // Idle workers sleep instead of polling for work to steal.
  caf_config_.set("scheduler.policy", caf::atom("sharing"));
}

result<std::unique_ptr<node>> node::start(const node_config& config, metrics::registry& metrics) {
  std::unique_ptr<node> made{new node{config}};
  std::error_code failed;
  std::filesystem::create_directories(config.data_dir, failed);
  if (failed)
    return fail(ec::storage_failed, config.data_dir.string() + ": " + failed.message());
  lmdb_config store;
  store.path = config.data_dir / "registry";
  store.max_map_bytes = config.map_bytes_max;
  store.initial_map_bytes = std::min(store.initial_map_bytes, store.max_map_bytes);
  auto opened = lmdb_store::open(store);
  if (!opened)
    return tl::unexpected{opened.error()};
  made->store_ = std::move(*opened);
  made->agents_ = std::make_shared<agent_book>();
  if (auto* side = config.cluster)
    share_agents(made->agents_, side->links(), [side] { return side->others(); });
  if (auto objects = made->open_objects(); !objects)
    return tl::unexpected{objects.error()};
  if (auto loaded = made->load_secret(); !loaded)
    return tl::unexpected{loaded.error()};
  if (auto configured = made->configure_swarms(); !configured)
    return tl::unexpected{configured.error()};
  if (auto joined = made->share_registry(); !joined)
    return tl::unexpected{joined.error()};
  made->system_ = std::make_unique<caf::actor_system>(made->caf_config_);
  made->spawn_all(metrics);
  if (auto reached = made->reach_origins(metrics); !reached)
    return tl::unexpected{reached.error()};
  made->replicate(metrics);
  made->load_blocklist();
  made->restore_swarms();
  made->add_metrics(metrics);
  return made;
}

node::~node() {
  if (system_)
    stop();
}

result<void> node::open_objects() {
  object_store_config config;
  config.root = config_.data_dir;
  config.cache_bytes_max = config_.objects.cache_bytes_max;
  auto opened = object_store::open(std::move(config));
  if (!opened)
    return tl::unexpected{opened.error()};
  objects_ = std::move(*opened);
  claims_ = std::make_unique<object_claims>(*objects_, *store_);
  uploads_ = std::make_unique<upload_book>(
      *objects_, upload_book::config{config_.data_dir / "uploads",
                                     std::chrono::seconds{config_.upload_life_s}});
  auto& found = objects_->census();
  if (auto& damage = objects_->index().damage())
    log::warn("objects", "begins a new index, as the old one was damaged error=\"{}\"",
              to_string(*damage));
  if (!found.lost.empty())
    log::error("objects", "misses objects that are pinned objects={}", found.lost.size());
  log::info("objects", "are counted added={} dropped={} mended={}", found.added, found.dropped,
            found.mended);
  return {};
}

result<void> node::load_secret() {
  if (config_.cluster) {
    swarm_config_.peers.secret = config_.cluster->secret();
    return {};
  }
  // Kept, because identities in a snapshot are hashes under it.
  auto found = store_->get(table::meta, secret_key);
  if (!found)
    return tl::unexpected{found.error()};
  auto& secret = swarm_config_.peers.secret;
  if (*found && (*found)->value.size() == sizeof(secret)) {
    std::memcpy(&secret, (*found)->value.data(), sizeof(secret));
    return {};
  }
  secret = draw_secret();
  std::string value(reinterpret_cast<const char*>(&secret), sizeof(secret));
  auto written = store_->commit(commit_request{{}, {{table::meta, secret_key, value}}});
  if (!written)
    return tl::unexpected{written.error()};
  return {};
}

namespace {

cluster_parts parts_of(cluster_side& side) {
  cluster_parts parts;
  parts.cluster = side.cluster_id();
  parts.links = &side.links();
  parts.routes = &side.routes();
  parts.start_registry = [&side](lmdb_store& store, cluster::registry_listener& who) {
    return cluster::start_registry_service(side.registry_config(), store, side.routes(), who);
  };
  parts.zone = side.config().member.membership.self.zone;
  parts.bulk_address = [&side] { return side.bulk_address(); };
  parts.others = [&side] { return side.others(); };
  parts.candidates = [&side] { return side.keepers(); };
  parts.self = side.node_id();
  parts.copies = side.config().copies.copies;
  parts.copies_absence = side.config().copies.absence;
  parts.stopped = [&side](const error& why) { side.cannot_go_on(why); };
  return parts;
}

} // namespace

result<void> node::share_registry() {
  auto parts = config_.registry_parts;
  if (!parts && config_.cluster)
    parts = parts_of(*config_.cluster);
  if (!parts) {
    auto state = cluster::copy_state(*store_);
    return state ? cluster::may_start_alone(*state) : tl::unexpected{state.error()};
  }
  auto shared = cluster_registry::start(*parts, *store_, directory_);
  if (!shared)
    return tl::unexpected{shared.error()};
  shared_registry_ = std::move(*shared);
  registry_config_.cluster = &shared_registry_->service();
  registry_config_.routes = &shared_registry_->routes();
  if (auto* owed = shared_registry_->duties())
    claims_->mind(*owed);
  return {};
}

void node::spawn_all(metrics::registry& metrics) {
  auto& sys = *system_;
  commit_writer_actor writer;
  if (shared_registry_)
    writer = shared_registry_->spawn_writer(sys, metrics);
  else
    writer = sys.spawn<commit_writer, caf::detached>(store_.get(), &metrics);
  must_live(writer, "commit_writer");
  registry_config_.store = store_.get();
  registry_config_.directory = &directory_;
  registry_config_.writer = writer;
  registry_config_.catalog = sys.spawn<shoal::catalog>(store_.get());
  must_live(registry_config_.catalog, "catalog");
  registry_config_.steward = sys.spawn<object_steward, caf::detached>(object_steward_config{
      objects_.get(), claims_.get(), uploads_.get(), std::chrono::seconds{config_.upload_life_s},
      config_.objects.scrub_bytes_per_second, &metrics});
  must_live(registry_config_.steward, "object_steward");
  registry_config_.now = unix_now;
  registry_config_.registry_of
      = [this](const info_hash& hash) { return registry_[registry_shard_of(hash)]; };
  for (size_t i = 0; i < registry_.size(); ++i) {
    registry_[i] = sys.spawn<registry_shard>(i, &registry_config_);
    must_live(registry_[i], "registry_shard/" + std::to_string(i));
  }
  if (shared_registry_)
    shared_registry_->attach(sys, registry_, registry_config_.catalog, registry_config_.steward,
                             *objects_, *claims_);
  spawn_swarm_side(metrics);
}

result<void> node::configure_swarms() {
  auto policy = make_policy(config_.policy, agents_.get());
  if (!policy)
    return tl::unexpected{policy.error()};
  auto& c = swarm_config_;
  c.web_interval_s = static_cast<uint32_t>(config_.web_interval.count());
  c.web_ttl_s = 3 * c.web_interval_s;
  c.policy = std::move(*policy);
  c.intervals.configure(config_.intervals);
  c.peers.ttl_s = c.intervals.ttl_s();
  c.peers.restored_ttl_s
      = std::min(c.peers.ttl_s, static_cast<uint32_t>(defaults::restored_peer_ttl.count()));
  c.peers.addresses_max = config_.addresses_max;
  c.peers.private_network = config_.private_network;
  c.peers.keep_peer_ids = config_.keep_peer_ids;
  c.peers.clients = &c.clients;
  c.peers.policy = c.policy.get();
  c.peers.policy_mix_percent = config_.policy.mix_percent;
  auto bounds = config_.bounds;
  bounds.secret = c.peers.secret;
  if (config_.keep_peer_ids)
    bounds.bytes_per_peer += peer_id_bytes;
  c.bounds.configure(std::move(bounds));
  return {};
}

void node::spawn_swarm_side(metrics::registry& metrics) {
  auto& sys = *system_;
  accounts_config booking{store_.get(), registry_config_.writer, unix_now};
  booking.cluster = registry_config_.cluster;
  swarm_config_.accounts = sys.spawn<shoal::accounts>(booking, &metrics);
  must_live(swarm_config_.accounts, "accounts");
  swarm_config_.directory = &directory_;
  swarm_config_.registry_of = registry_config_.registry_of;
  swarm_config_.now = [start = mono_now()] {
    auto age = std::chrono::duration_cast<std::chrono::seconds>(mono_now() - start);
    return static_cast<coarse_seconds>(age.count());
  };
  if (config_.cluster) {
    replicas_ = std::make_unique<replica_state>();
    replicas_->attach(swarm_config_);
  }
  if (config_.cluster)
    swarm_config_.others = &config_.cluster->swarms();
  for (auto& slot : swarm_config_.shards) {
    slot = sys.spawn<shard, caf::hidden + caf::lazy_init>(&swarm_config_);
    must_live(slot, "shard");
  }
  if (config_.cluster) {
    tell_spent(*config_.cluster);
    inquiries_ = std::make_unique<inquiry_desk>(
        directory_, [this](const info_hash& hash) { return registry_of(hash); }, metrics);
    config_.cluster->attach(
        sys, {&directory_, &swarm_config_.shards, std::chrono::seconds{swarm_config_.web_ttl_s}});
  }
}

void node::tell_spent(cluster_side& side) {
  spent_ = std::make_shared<spent_book>();
  auto teller = system_->spawn<spent_teller>(
      spent_teller_config{spent_, &side.links(), [&side] { return side.others(); }});
  must_live(teller, "spent_teller");
  spent_teller_ = caf::actor_cast<caf::actor>(teller);
}

bool node::take_clean_mark() {
  auto found = store_->get(table::meta, clean_key);
  if (!found || !*found)
    return false;
  // A mark that cannot be removed would be believed again after a crash.
  return store_->commit(commit_request{{}, {{table::meta, clean_key, std::nullopt}}}).has_value();
}

void node::load_blocklist() {
  auto damage = store_->scan(table::blocked, {}, [&](auto key, auto, auto) {
    if (auto hash = info_hash::from_bytes(key))
      directory_.set_blocked(*hash, true);
    return true;
  });
  if (!damage)
    log::error("node", "finds damage in the blocklist error=\"{}\"", to_string(damage.error()));
}

void node::restore_swarms() {
  // A first answer of each registry shard says that its entries are loaded, so that swarms find
  // their registration when they come back.
  caf::scoped_actor self{*system_};
  for (auto& shard : registry_)
    await<search_result>(self, shard, search_query{}, start_timeout, "waits in vain for entries");
  auto snapshot = snapshot_of(config_, swarm_config_);
  // In a cluster the slots' owners have the swarms, and what a crash has left is older than what
  // they know. After an orderly end there is only what nobody took: all nodes went at once, or this
  // one was alone. The owners are given it.
  auto clean = take_clean_mark();
  auto restored = config_.cluster && !clean ? 0 : load_snapshot(snapshot, clean);
  // Behind this, an announce finds its swarm's peers back.
  for (auto& shard : swarm_config_.shards)
    await<atom::flush>(self, shard, atom::flush::value, start_timeout, "waits in vain for swarms");
  log::info("node", "is up entries={} blocked={} swarms={} objects={}",
            directory_.registered_count(), directory_.blocked_count(), restored,
            objects_->usage().all().count);
  swarm_config_.came_back = restored > 0;
  auto caring = system_->spawn<caretaker>(&swarm_config_);
  must_live(caring, "caretaker");
  caretaker_ = caf::actor_cast<caf::actor>(caring);
  auto made = system_->spawn<caf::detached>(snapshotter, snapshot);
  snapshotter_ = caf::actor_cast<caf::actor>(made);
}

// -- in a cluster ----------------------------------------------------------------------------

/// What membership says of slots goes to their swarms' replication.
class node::duties final : public cluster::membership_listener {
public:
  explicit duties(replication& to) : to_{to} {}

  void acquired(size_t slot, uint64_t epoch) override { to_.acquired(slot, epoch); }
  void lost(size_t slot, uint64_t epoch) override { to_.lost(slot, epoch); }
  void standby_changed(size_t slot, const cluster::held_role& standby) override {
    to_.standby_changed(slot, standby);
  }
  void standing_by(size_t slot, uint64_t epoch) override { to_.standing_by(slot, epoch); }
  void stood_down(size_t slot) override { to_.stood_down(slot); }
  void view_changed() override {}
  void failed(const error&) override {} // The cluster side deals with it.

private:
  replication& to_;
};

void node::replicate(metrics::registry& metrics) {
  if (!config_.cluster)
    return;
  auto& side = *config_.cluster;
  slot_duties asks;
  asks.standby_is_ready
      = [&side](size_t slot, uint64_t revision) { side.member().standby_is_ready(slot, revision); };
  asks.standby_fell_behind = [&side](size_t slot) { side.member().standby_fell_behind(slot); };
  asks.owner = [&side](size_t slot) {
    auto& routes = side.routes();
    return routes.name_of(routes.route(slot).owner);
  };
  asks.reaches = [&side](const std::string& name) {
    auto& routes = side.routes();
    return routes.is_reachable(routes.number_of(name));
  };
  replication_ = std::make_unique<replication>(*system_, *replicas_, side.links(), asks);
  duties_ = std::make_unique<duties>(*replication_);
  add_replication_metrics(metrics, *replication_);
  replication_->start();
}

void node::join() {
  if (config_.cluster)
    config_.cluster->join(*duties_);
}

bool node::await_told(std::chrono::milliseconds patience) const {
  constexpr std::chrono::milliseconds look_period{5};
  for (auto until = mono_now() + patience; replication_ && replication_->report().lag.bytes != 0;) {
    if (mono_now() >= until) {
      log::warn("node", "ends before its successors heard of the last announces");
      return false;
    }
    std::this_thread::sleep_for(look_period);
  }
  return true;
}

void node::stop() {
  if (replication_)
    replication_->stop();
  auto written = save();
  end_all();
  system_.reset();
  log::info("node", "is down swarms={}", written);
}

uint64_t node::save() {
  caf::scoped_actor self{*system_};
  // It may be in the middle of a snapshot of its own.
  caf::anon_send_exit(snapshotter_, caf::exit_reason::user_shutdown);
  self->wait_for(snapshotter_);
  auto written = write_snapshot(*system_, snapshot_of(config_, swarm_config_), true);
  if (!written)
    log::error("node", "cannot save its swarms error=\"{}\"", to_string(written.error()));
  auto flush = [&](const auto& actor) {
    await<atom::flush>(self, actor, atom::flush::value, defaults::request_timeout,
                       "cannot flush counters");
  };
  flush(swarm_config_.accounts);
  for (auto& shard : registry_)
    if (!shared_registry_) // There all flush the same.
      flush(shard);
  if (written)
    if (auto marked = store_->commit(commit_request{{}, {{table::meta, clean_key, "1"}}}); !marked)
      log::error("node", "cannot mark its stop error=\"{}\"", to_string(marked.error()));
  return written.value_or(0);
}

void node::end_all() {
  if (config_.cluster)
    config_.cluster->detach();
  auto end = [](const auto& actor) { caf::anon_send_exit(actor, caf::exit_reason::user_shutdown); };
  auto end_if = [&](const auto& actor) {
    if (actor)
      end(actor);
  };
  end(caretaker_);
  end_if(spent_teller_);
  end_if(preheater_);
  end_if(errands_);
  end_if(mirrors_);
  end_if(gatherer_);
  end_if(webseed_);
  end_if(pieces_);
  // Shards first: one that lives could spawn a swarm behind the back of those that follow.
  {
    caf::scoped_actor self{*system_};
    for (auto& shard : swarm_config_.shards)
      end(shard);
    for (auto& shard : swarm_config_.shards)
      self->wait_for(shard);
    for (size_t slot = 0; slot < slot_count; ++slot) {
      auto swarms = directory_.swarms_in(slot);
      for (auto& swarm : swarms)
        end(swarm);
      for (auto& swarm : swarms)
        self->wait_for(swarm);
    }
  }
  end(swarm_config_.accounts);
  for (auto& shard : registry_)
    end(shard);
  end(registry_config_.catalog);
  end(registry_config_.steward);
  end(registry_config_.writer);
  // Handles held here would keep their actors, and those the system, alive.
  swarm_config_.shards = {};
  swarm_config_.accounts = nullptr;
  registry_ = {};
  registry_config_.catalog = nullptr;
  registry_config_.steward = nullptr;
  registry_config_.writer = nullptr;
  webseed_ = nullptr;
  pieces_ = nullptr;
  mirrors_ = nullptr;
  gatherer_ = nullptr;
  preheater_ = nullptr;
  errands_ = nullptr;
  snapshotter_ = nullptr;
  caretaker_ = nullptr;
  spent_teller_ = nullptr;
  if (shared_registry_)
    shared_registry_->end([this] { system_->await_all_actors_done(); });
  else
    system_->await_all_actors_done();
}

} // namespace shoal
