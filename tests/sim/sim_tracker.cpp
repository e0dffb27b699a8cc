// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_tracker.hpp"

#include <caf/send.hpp>

namespace shoal::sim {

using namespace std::chrono_literals;

namespace {

constexpr duration tracker_tick_min = 15ms;
constexpr duration tracker_tick_max = 30ms;
constexpr duration expiry_period = 7s;

/// Edges read a clock by a plain function: that of the node whose turn it is.
thread_local mono_time edge_time;
mono_time edge_clock() {
  return edge_time;
}

} // namespace

// -- a process --------------------------------------------------------------------------

struct sim_tracker::waiter final : announce_sink {
  waiter(sim_tracker& t, size_t c) : at{t}, client{c}, since{t.awake()} {}

  /// The last thing that it does.
  void on_reply(announce_reply* reply) override {
    auto& to = at.watcher_;
    auto took = at.awake() - since;
    auto who = client;
    at.waiting_.remove_if([this](const waiter& x) { return &x == this; });
    to.answered(who, reply, took);
  }

  sim_tracker& at;
  const size_t client;
  const duration since;
};

sim_tracker::sim_tracker(tracker_world& world, sim_node& node, announce_watcher& watcher)
    : world_{world}, node_{node}, watcher_{watcher}, state_{std::make_unique<tracker_swarms>(
                                                         node.id())} {
  told_at_.fill(world.time.now());
  no_standby_at_.fill(world.time.now());
  open_swarms();
  open_links();
  tick();
}

void sim_tracker::open_swarms() {
  auto& config = state_->config;
  config.peers.private_network = true;
  config.peers.clients = &config.clients;
  bounds_config any;
  any.new_swarms_per_second = 0;
  config.bounds.configure(any);
  config.directory = &state_->directory;
  config.now = [&time = world_.time, clock = node_.clock(), born = node_.local_now()] {
    auto age = std::chrono::duration_cast<std::chrono::seconds>(clock.local(time.now()) - born);
    return static_cast<coarse_seconds>(age.count());
  };
  state_->replicas.attach(config);
  for (size_t slot = 0; slot < world_.slots; ++slot)
    config.shards[slot] = world_.system.spawn<shard, caf::hidden + caf::lazy_init>(&config);
}

void sim_tracker::open_links() {
  host_ = &world_.net.start({"sim", id(), node_.incarnation(), 7, 1, 1});
  links_
      = std::make_unique<clocked_links>(world_.time, *host_, node_.clock(), [this, alive = alive_] {
          if (*alive)
            plan_turn();
        });
  auto& routes = state_->routes;
  writer_ = std::make_unique<cluster::route_writer>(routes, world_.slots);
  links_->listen(*writer_);
  hub_ = std::make_unique<relay_hub>(*links_, routes, false, numbers_);
  hub_->broken = world_.broken;
  port_
      = std::make_unique<edge_port>(world_.system, state_->config.shards, [this] { plan_turn(); });
  port_->loop().bind_to_this_thread();
  port_->join(state_->directory, *hub_);
  registrar_ = std::make_unique<sim_registrar>(world_, node_, *links_, routes);
  slot_duties duties;
  duties.standby_is_ready = [this](size_t slot, uint64_t revision) {
    ready_[slot] = revision;
    node_.standby_is_ready(slot, revision);
  };
  duties.standby_fell_behind = [this](size_t slot) {
    ready_[slot] = 0;
    node_.standby_fell_behind(slot);
  };
  duties.owner = [&routes](size_t slot) { return routes.name_of(routes.route(slot).owner); };
  replication_settings settings;
  settings.feeds.broken = world_.broken;
  replication_
      = std::make_unique<replication>(world_.system, state_->replicas, *links_, duties, settings);
}

void sim_tracker::ends(bool in_order) {
  if (on_end)
    on_end(*this, in_order);
}

/// As a process that is killed: nobody is told anything.
sim_tracker::~sim_tracker() {
  *alive_ = false;
  for (auto& x : waiting_)
    watcher_.hung_up(x.client, awake() - x.since);
  replication_.reset();
  turn_edge_clock();
  port_.reset();
  registrar_.reset();
  waiting_.clear();
  hub_.reset();
  world_.net.crash(id());
  for (size_t slot = 0; slot < world_.slots; ++slot) {
    caf::anon_send_exit(std::exchange(state_->config.shards[slot], nullptr),
                        caf::exit_reason::kill);
    for (auto& swarm : state_->directory.swarms_in(slot))
      caf::anon_send_exit(swarm, caf::exit_reason::kill);
  }
  world_.drain();
  world_.remains.push_back(std::move(state_));
}

void sim_tracker::turn_edge_clock() const {
  edge_time = node_.local_now();
}

// -- time -------------------------------------------------------------------------------

duration sim_tracker::awake() const {
  auto end = paused_ ? paused_at_ : world_.time.now();
  return end.time_since_epoch() - hung_;
}

duration sim_tracker::longest_wait() const {
  auto since = waiting_.empty() ? awake() : waiting_.front().since;
  return awake() - (questions_.empty() ? since : std::min(since, *questions_.begin()));
}

void sim_tracker::pause(bool yes) {
  if (paused_ == yes)
    return;
  paused_ = yes;
  if (yes) {
    paused_at_ = world_.time.now();
    return host_->pause(true);
  }
  hung_ += world_.time.now() - paused_at_;
  host_->pause(false);
  if (turn_missed_)
    plan_turn();
}

void sim_tracker::plan_turn() {
  turn_missed_ = paused_;
  if (paused_ || std::exchange(turn_planned_, true))
    return;
  world_.time.after(0s, [this, alive = alive_] {
    if (!*alive)
      return;
    turn_planned_ = false;
    turn_missed_ = paused_;
    if (!paused_)
      turn();
  });
}

/// All threads of the process do what they have to do now.
void sim_tracker::turn() {
  turn_edge_clock();
  replication_->advance(edge_time);
  for (auto more = true; more;) {
    more = port_->run(edge_clock);
    more = world_.drain() || more;
  }
}

void sim_tracker::tick() {
  if (!paused_) {
    hub_->remind();
    turn();
    sweep();
  }
  world_.time.after(world_.time.random.between(tracker_tick_min, tracker_tick_max),
                    [this, alive = alive_] {
                      if (*alive)
                        tick();
                    });
}

/// As edges do it from time to time.
void sim_tracker::sweep() {
  auto now = node_.local_now();
  if (now - swept_ >= defaults::sweep_period) {
    swept_ = now;
    port_->sweep(now);
  }
  if (now - expired_ < expiry_period)
    return;
  expired_ = now;
  for (size_t slot = 0; slot < world_.slots; ++slot)
    for (auto& hash : swarms(slot))
      caf::anon_send(state_->directory.lookup(hash).swarm, atom::expire::value);
  turn();
}

// -- clients ----------------------------------------------------------------------------

void sim_tracker::announce(announce_request req, size_t client) {
  auto& sink = waiting_.emplace_back(*this, client);
  auto swarm = state_->directory.lookup(req.swarm).swarm;
  port_->announce(std::move(req), swarm, sink, node_.local_now());
  plan_turn();
}

// -- what is known ----------------------------------------------------------------------

sim_tracker::peers sim_tracker::living(const info_hash& swarm) const {
  peers all;
  auto read = [&](shoal::swarm& x) {
    for (auto& facts : x.describe_in_turn(nullptr).facts) {
      delta_reader in{facts};
      for (swarm_fact one; in.next(one);)
        if (auto* peer = std::get_if<delta_peer>(&one))
          all[peer->peer.identity] = peer->peer.state == 1;
    }
  };
  in_turn_of(state_->directory.lookup(swarm).swarm, world_.unit, read);
  return all;
}

std::vector<info_hash> sim_tracker::swarms(size_t slot) const {
  return state_->directory.hashes_in(slot, {}, SIZE_MAX);
}

bool sim_tracker::reaches(const std::string& node) const {
  auto& routes = state_->routes;
  return routes.is_reachable(routes.number_of(node));
}

// -- what membership says ---------------------------------------------------------------

void sim_tracker::acquired(size_t slot, uint64_t epoch) {
  told_at_[slot] = world_.time.now();
  state_->routes.set_epoch(slot, epoch);
  replication_->acquired(slot, epoch);
  ready_[slot] = 0;
  plan_turn();
}

void sim_tracker::lost(size_t slot, uint64_t epoch) {
  told_at_[slot] = world_.time.now();
  state_->routes.set_epoch(slot, 0);
  replication_->lost(slot, epoch);
  ready_[slot] = 0;
  plan_turn();
}

void sim_tracker::standby_changed(size_t slot, const cluster::held_role& standby) {
  replication_->standby_changed(slot, standby);
  ready_[slot] = 0;
  plan_turn();
}

void sim_tracker::standing_by(size_t slot, uint64_t epoch) {
  told_at_[slot] = world_.time.now();
  replication_->standing_by(slot, epoch);
  plan_turn();
}

void sim_tracker::stood_down(size_t slot) {
  told_at_[slot] = world_.time.now();
  if (on_drop)
    on_drop(*this, slot);
  replication_->stood_down(slot);
  plan_turn();
}

void sim_tracker::view_changed() {
  std::vector<cluster::link_peer> all;
  for (auto& [name, node] : node_.members()->nodes().all())
    all.push_back({name, node.record.incarnation, node.record.addresses});
  links_->follow(std::move(all));
}

void sim_tracker::looked(const cluster::membership& at) {
  for (size_t slot = 0; slot < world_.slots; ++slot)
    if (state_->routes.route(slot).standby != cluster::this_node)
      no_standby_at_[slot] = world_.time.now();
  writer_->publish(at);
}

} // namespace shoal::sim
