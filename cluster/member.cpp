// SPDX-License-Identifier: Apache-2.0
#include "cluster/member.hpp"

#include "cluster/lease_alarm.hpp"
#include "cluster/route_writer.hpp"
#include "core/log.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <openssl/rand.h>

#include <condition_variable>
#include <thread>

namespace shoal::cluster {

namespace {

namespace asio = boost::asio;
using namespace coordination;
using namespace std::chrono_literals;

constexpr auto tick_period = 50ms;

constexpr auto alarm_look_period = 1s;

/// Of members of etcd that do no work for this node.
constexpr auto probe_period = 10s;

bool draw(std::span<uint8_t> out) {
  return ::RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
}

class running_member final : public member, public membership_listener {
public:
  running_member(const member_config& config, slot_routes& routes, member_listener& who)
      : config_{config}, keys_{config.membership.prefix}, routes_{routes}, who_{who},
        route_writer_{routes}, timer_{io_}, work_{io_.get_executor()} {}

  ~running_member() override { end(); }

  result<void> begin();

  result<std::string> await_identity(std::chrono::milliseconds patience) override;
  std::optional<key_ring> ring(std::string_view name) const override;
  void join(membership_listener& duties, links& between) override;

  void standby_is_ready(size_t slot, uint64_t standby_revision) override {
    with_membership([=](membership& m) { m.standby_is_ready(slot, standby_revision); });
  }
  void standby_fell_behind(size_t slot) override {
    with_membership([=](membership& m) { m.standby_fell_behind(slot); });
  }
  void hurry() override {
    with_membership([](membership& m) { m.hurry(); });
  }
  void leave() override {
    with_membership([](membership& m) { m.leave(); });
  }
  void drain(const std::string& node, bool yes, std::function<void(result<void>)> then) override;
  std::shared_ptr<const cluster_sight> view() const override {
    std::lock_guard guard{mutex_};
    return view_;
  }
  bool await_idle(std::chrono::milliseconds patience) override;
  void end() override;

private:
  void run();
  void watch_lease();
  void tick();
  void look_for_cluster();
  void publish();
  void publish_view();
  slot_role role_in(const held_role& owner, const held_role& standby) const;
  void publish_keys();
  template <class F>
  void with_membership(F what) {
    asio::post(io_, [this, what = std::move(what)] {
      if (membership_)
        what(*membership_);
    });
  }

  void acquired(size_t slot, uint64_t epoch) override;
  void lost(size_t slot, uint64_t epoch) override;
  void standby_changed(size_t slot, const held_role& standby) override;
  void standing_by(size_t slot, uint64_t epoch) override;
  void stood_down(size_t slot) override;
  void view_changed() override;
  void failed(const error& why) override;

  const member_config config_;
  const key_space keys_;
  slot_routes& routes_;
  member_listener& who_;
  route_writer route_writer_;
  const std::function<mono_time()> now_ = [] { return mono_now(); };

  asio::io_context io_{1};
  asio::steady_timer timer_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unique_ptr<etcd_client> etcd_;
  std::optional<result<found_cluster>> found_;
  bool is_looking_ = false;
  mono_time look_at_{};
  std::unique_ptr<shared_keys> secrets_;
  std::unique_ptr<membership> membership_;
  membership_listener* duties_ = nullptr;
  links* between_ = nullptr;
  bool ended_ = false;

  mutable std::mutex mutex_; // Of what follows.
  std::condition_variable changed_;
  std::optional<result<std::string>> known_;
  std::map<std::string, key_ring, std::less<>> rings_;
  std::shared_ptr<const cluster_sight> view_ = std::make_shared<cluster_sight>();
  bool is_idle_ = false;
  std::optional<lease_state> lease_; // Once there is a membership.
  bool unwatched_ = false;

  std::thread thread_; // Last, both: they use all of the above.
  std::thread watcher_;
};

// -- the thread -------------------------------------------------------------------------

result<void> running_member::begin() {
  auto etcd = config_.etcd;
  etcd.probe_period = probe_period;
  auto made = etcd_client::make(io_, etcd);
  if (!made)
    return tl::unexpected{made.error()};
  etcd_ = std::move(*made);
  shared_keys::config of_keys;
  of_keys.keys = config_.keys;
  of_keys.prefix = config_.membership.prefix;
  auto complain = [](std::string_view name, const error& why) {
    log::warn("cluster", "shared key trouble name={} error=\"{}\"", name, to_string(why));
  };
  secrets_ = std::make_unique<shared_keys>(
      *etcd_, of_keys,
      shared_keys::environment{now_, unix_now, draw,
                               [](std::string_view) {}, // `publish_keys` compares.
                               complain});
  thread_ = std::thread{[this] { run(); }};
  watcher_ = std::thread{[this] { watch_lease(); }};
  return {};
}

/// On a thread of its own, without asio: whatever `thread_` waits for, this says that it does.
void running_member::watch_lease() {
  lease_alarm alarm;
  std::unique_lock guard{mutex_};
  while (!changed_.wait_for(guard, alarm_look_period, [this] { return unwatched_; })) {
    auto news = lease_ ? alarm.look(*lease_, now_()) : std::nullopt;
    if (!news)
      continue;
    guard.unlock();
    if (news->why.empty())
      log::info("cluster", "holds its lease again after_s={}", news->without.count());
    else
      log::warn("cluster", "is without its lease for_s={} why=\"{}\"", news->without.count(),
                news->why);
    guard.lock();
  }
}

void running_member::look_for_cluster() {
  auto now = now_();
  if (found_ || is_looking_ || now < look_at_)
    return;
  is_looking_ = true;
  look_at_ = now + 500ms;
  find_cluster(*etcd_, keys_, config_.wish, now + 2000ms, [this](result<found_cluster> answer) {
    is_looking_ = false;
    // What nobody knows, or nobody could say, is asked again.
    auto again
        = !answer && (answer.error().code == ec::timeout || answer.error().code == ec::unavailable);
    if (!again)
      found_ = std::move(answer);
  });
}

void running_member::run() {
  tick();
  while (io_.run_one() != 0)
    publish();
}

void running_member::tick() {
  look_for_cluster();
  // Nothing is written into a cluster that may be the wrong one.
  if (found_ && *found_) {
    secrets_->advance();
    if (membership_)
      membership_->advance();
  }
  publish_view();
  timer_.expires_after(tick_period);
  timer_.async_wait([this](boost::system::error_code failed) {
    if (!failed)
      tick();
  });
}

/// After each event.
void running_member::publish() {
  if (membership_ && !ended_)
    route_writer_.publish(*membership_);
  publish_keys();
}

void running_member::publish_keys() {
  std::vector<std::string_view> changed;
  {
    std::lock_guard guard{mutex_};
    auto is_news = !known_ && found_;
    if (is_news)
      known_ = found_->map([](const found_cluster& x) { return x.id; });
    for (auto& key : config_.keys) {
      auto ring = secrets_->ring(key.name);
      if (!ring)
        continue;
      auto [known, is_first] = rings_.try_emplace(key.name);
      if (!is_first && known->second == *ring)
        continue;
      known->second = std::move(*ring);
      changed.push_back(key.name);
    }
    if (is_news || !changed.empty())
      changed_.notify_all();
  }
  for (auto name : changed)
    who_.keys_changed(name);
}

slot_role running_member::role_in(const held_role& owner, const held_role& standby) const {
  auto is_self = [&self = config_.membership.self](const held_role& x) {
    return x && x.by.node == self.id && x.by.incarnation == self.incarnation;
  };
  return is_self(owner)     ? slot_role::owner
         : is_self(standby) ? slot_role::standby
                            : slot_role::none;
}

void running_member::publish_view() {
  if (!membership_)
    return;
  auto idle = membership_->is_idle();
  auto made = std::make_shared<cluster_sight>();
  auto now = now_();
  made->joined = membership_->joined();
  made->acts_until = membership_->acts_until();
  made->holds_lease = made->acts_until > now;
  made->misplaced = membership_->misplaced();
  made->etcd = etcd_->health();
  made->cluster_id = (*found_)->id;
  auto& nodes = membership_->nodes();
  made->drains.assign(nodes.drains().begin(), nodes.drains().end());
  for (auto& [id, node] : nodes.all())
    made->nodes.push_back({node.record, nodes.drains().contains(id)});
  made->slots.reserve(slot_count);
  for (size_t slot = 0; slot < slot_count; ++slot) {
    const auto& [owner, standby] = membership_->holders(slot);
    auto [to_own, to_stand_by] = membership_->target(slot);
    made->slots.push_back({owner.by.node, standby.by.node, owner.revision, std::move(to_own),
                           std::move(to_stand_by), role_in(owner, standby)});
  }
  std::lock_guard guard{mutex_};
  lease_ = lease_state{now, made->acts_until, made->joined, made->etcd.reachable};
  view_ = std::move(made);
  if (std::exchange(is_idle_, idle) != idle)
    changed_.notify_all();
}

void running_member::end() {
  if (!thread_.joinable())
    return;
  {
    std::lock_guard guard{mutex_};
    unwatched_ = true;
  }
  changed_.notify_all();
  watcher_.join();
  asio::post(io_, [this] {
    auto stop = [this] { asio::post(io_, [this] { io_.stop(); }); };
    ended_ = true;
    if (!membership_)
      stop();
    else
      membership_->end(stop);
  });
  thread_.join();
  // In the order in which they use each other, on this thread now.
  membership_.reset();
  secrets_.reset();
  etcd_.reset();
}

// -- for the layer above ----------------------------------------------------------------

result<std::string> running_member::await_identity(std::chrono::milliseconds patience) {
  std::unique_lock guard{mutex_};
  auto ready = [this] { return known_ && (!*known_ || rings_.size() == config_.keys.size()); };
  if (!changed_.wait_for(guard, patience, ready))
    return fail(ec::timeout, "etcd does not answer");
  return *known_;
}

std::optional<key_ring> running_member::ring(std::string_view name) const {
  std::lock_guard guard{mutex_};
  auto found = rings_.find(name);
  return found == rings_.end() ? std::nullopt : std::optional{found->second};
}

void running_member::join(membership_listener& duties, links& between) {
  between.listen(route_writer_);
  asio::post(io_, [this, &duties, &between] {
    duties_ = &duties;
    between_ = &between;
    auto config = config_.membership;
    config.join_when = {(*found_)->unmoved};
    config.tells_roles = true;
    membership_ = std::make_unique<membership>(*etcd_, config, now_, *this);
  });
}

void running_member::drain(const std::string& node, bool yes,
                           std::function<void(result<void>)> then) {
  asio::post(io_, [this, node, yes, then = std::move(then)] {
    operation what{keys_.drain(node), yes ? std::optional<std::string>{"asked"} : std::nullopt};
    etcd_->commit({{}, {std::move(what)}, {}}, now_() + 2000ms,
                  [then](const result<transaction_result>& answer) {
                    then(answer ? result<void>{} : tl::unexpected{answer.error()});
                  });
  });
}

bool running_member::await_idle(std::chrono::milliseconds patience) {
  std::unique_lock guard{mutex_};
  return changed_.wait_for(guard, patience, [this] { return is_idle_; });
}

// -- what membership says -----------------------------------------------------------------

void running_member::acquired(size_t slot, uint64_t epoch) {
  log::info("cluster", "owns slot={} epoch={}", slot, epoch);
  routes_.set_epoch(slot, epoch);
  duties_->acquired(slot, epoch);
}

void running_member::lost(size_t slot, uint64_t epoch) {
  log::info("cluster", "owns no more slot={} epoch={}", slot, epoch);
  routes_.set_epoch(slot, 0);
  duties_->lost(slot, epoch);
}

void running_member::standby_changed(size_t slot, const held_role& standby) {
  log::debug("cluster", "has a standby slot={} node=\"{}\"", slot, standby.by.node);
  duties_->standby_changed(slot, standby);
}

void running_member::standing_by(size_t slot, uint64_t epoch) {
  log::info("cluster", "stands by slot={} epoch={}", slot, epoch);
  duties_->standing_by(slot, epoch);
}

void running_member::stood_down(size_t slot) {
  log::info("cluster", "stands by no more slot={}", slot);
  duties_->stood_down(slot);
}

void running_member::view_changed() {
  std::vector<link_peer> peers;
  std::string names;
  for (auto& [id, node] : membership_->nodes().all()) {
    peers.push_back({id, node.record.incarnation, node.record.addresses});
    routes_.set_near(routes_.number_of(id), node.record.zone == config_.membership.self.zone);
    names += (names.empty() ? "" : ",") + id;
  }
  log::info("cluster", "sees nodes={} names=\"{}\"", peers.size(), names);
  between_->follow(std::move(peers));
  duties_->view_changed();
}

void running_member::failed(const error& why) {
  who_.cannot_go_on(why);
}

} // namespace

result<std::unique_ptr<member>> member::start(const member_config& config, slot_routes& routes,
                                              member_listener& who) {
  if (auto sound = check(config.membership.self); !sound)
    return tl::unexpected{sound.error()};
  auto made = std::make_unique<running_member>(config, routes, who);
  if (auto begun = made->begin(); !begun)
    return tl::unexpected{begun.error()};
  return made;
}

} // namespace shoal::cluster
