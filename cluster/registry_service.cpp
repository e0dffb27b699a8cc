// SPDX-License-Identifier: Apache-2.0
#include "cluster/registry_service.hpp"

#include "cluster/link_inbox.hpp"
#include "cluster/registry_desk.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>

#include <future>
#include <thread>

namespace shoal::cluster {

namespace {

namespace asio = boost::asio;

const std::function<mono_time()> clock_now = [] { return mono_now(); };

/// The desk with a thread and a way to etcd.
class hosted final : public registry_service {
public:
  hosted(const registry_service_config& config, registry_listener& who)
      : config_{config}, inbox_{io_}, timer_{io_}, desk_{[this](auto what, size_t bytes) {
                                                           return hand_in(std::move(what), bytes);
                                                         },
                                                         who, clock_now} {}

  ~hosted() override;
  result<void> start(lmdb_store& store, const slot_routes& routes);

  void commit(commit_request what, commit_store::callback then) override {
    desk_.commit(std::move(what), std::move(then));
  }
  bool count(const counter_key& of, const counter_amounts& amounts) override {
    return desk_.count(of, amounts);
  }
  counter_amounts pending(const counter_key& of) const override { return desk_.pending(of); }
  void flush(std::function<void(result<void>)> then) override { desk_.flush(std::move(then)); }
  void reach(uint64_t revision) override { desk_.reach(revision); }
  uint64_t ask_proof() override { return desk_.ask_proof(); }
  uint64_t proven() const override { return desk_.proven(); }
  uint64_t revision() const override { return desk_.revision(); }
  registry_status status() const override { return desk_.status(); }
  result<void> await_first_view(std::chrono::milliseconds timeout) override {
    return desk_.await_first_view(timeout);
  }

private:
  void tick();
  bool hand_in(std::function<void()> what, size_t bytes) {
    return inbox_.put(std::move(what), bytes) == link_inbox::verdict::taken;
  }

  registry_service_config config_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  link_inbox inbox_;
  asio::steady_timer timer_;
  std::unique_ptr<coordination::etcd_client> etcd_;
  registry_desk desk_;
  std::thread thread_;
};

result<void> hosted::start(lmdb_store& store, const slot_routes& routes) {
  auto etcd = coordination::etcd_client::make(io_, config_.etcd);
  if (!etcd)
    return tl::unexpected(etcd.error());
  etcd_ = std::move(*etcd);
  config_.engine.later = [this](std::chrono::microseconds span, std::function<void()> then) {
    auto timer = std::make_shared<asio::steady_timer>(io_, span);
    timer->async_wait([timer, then = std::move(then)](const auto& ended) {
      if (!ended)
        then();
    });
  };
  thread_ = std::thread([this, &store, &routes] {
    inbox_.belong();
    desk_.open(*etcd_, store, routes, config_.engine);
    tick();
    io_.run();
    desk_.close();
    etcd_.reset();
  });
  return {};
}

void hosted::tick() {
  desk_.tick(etcd_->health());
  timer_.expires_after(config_.tick);
  timer_.async_wait([this](const auto& ended) {
    if (!ended)
      tick();
  });
}

hosted::~hosted() {
  if (!thread_.joinable())
    return;
  auto written = std::make_shared<std::promise<void>>();
  auto last = written->get_future();
  desk_.flush([written](const result<void>&) { written->set_value(); });
  last.wait_for(config_.end_patience);
  inbox_.put([this] { io_.stop(); }, 0);
  thread_.join();
  inbox_.close();
}

} // namespace

result<std::unique_ptr<registry_service>>
start_registry_service(const registry_service_config& config, lmdb_store& store,
                       const slot_routes& routes, registry_listener& who) {
  auto made = std::make_unique<hosted>(config, who);
  if (auto started = made->start(store, routes); !started)
    return tl::unexpected(started.error());
  return std::unique_ptr<registry_service>{std::move(made)};
}

} // namespace shoal::cluster
