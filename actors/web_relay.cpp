// SPDX-License-Identifier: Apache-2.0
#include "actors/web_relay.hpp"

#include "actors/link_kinds.hpp"

namespace shoal {

using cluster::node_number;

namespace {

/// Between looks at what has a deadline while nothing waits.
constexpr std::chrono::seconds idle_period{1};

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

} // namespace

class web_relay::watcher final : public cluster::link_listener {
public:
  watcher(std::shared_ptr<web_switchboard> board, cluster::slot_routes& routes)
      : board_{std::move(board)}, routes_{routes} {}

  void link_up(const std::string&, uint64_t, uint32_t) override {}
  void link_down(const std::string& node, uint64_t, const error&) override {
    board_->put(web_cut{routes_.number_of(node)});
  }

private:
  const std::shared_ptr<web_switchboard> board_;
  cluster::slot_routes& routes_;
};

web_relay::web_relay(cluster::links& between, const swarm_places& places,
                     cluster::slot_routes& routes, metrics::registry& registry)
    : places_{places}, routes_{routes}, board_{std::make_shared<web_switchboard>(between, routes)},
      watcher_{std::make_unique<watcher>(board_, routes)} {
  between.serve(link_kind::web, [board = board_, names = &routes](const cluster::link_message& x,
                                                                  const cluster::link_reply&) {
    board->put(web_heard{names->number_of(std::string{x.from}), std::string{x.body}});
  });
  between.listen(*watcher_);
  show(registry);
}

web_relay::~web_relay() {
  stop();
}

void web_relay::show(metrics::registry& registry) {
  auto add = [&](const char* name, const char* help, metrics::counter web_relay_metrics::*which) {
    registry.add_reader(
        name, help, "", [board = board_, which] { return double((board->counted.*which).value()); },
        "counter");
  };
  add("shoal_relay_web_announces_sent_total", "Announces by WebSocket passed to other nodes",
      &web_relay_metrics::sent);
  add("shoal_relay_web_announces_served_total",
      "Announces by WebSocket that swarms got from other nodes", &web_relay_metrics::served);
  add("shoal_relay_web_resent_total", "Announces by WebSocket passed to a second node",
      &web_relay_metrics::resent);
  add("shoal_relay_web_lost_total", "Announces by WebSocket that no node answered",
      &web_relay_metrics::lost);
  add("shoal_relay_web_dropped_total", "Messages about WebSockets for which there was no room",
      &web_relay_metrics::dropped);
  auto now = [&](const char* name, const char* help, metrics::gauge web_relay_metrics::*which) {
    registry.add_reader(name, help, "", [board = board_, which] {
      return double((board->counted.*which).value());
    });
  };
  now("shoal_relay_web_lines", "WebSockets here of which other nodes were told",
      &web_relay_metrics::lines);
  now("shoal_relay_web_guests", "WebSockets of other nodes that are in swarms here",
      &web_relay_metrics::guests);
}

void web_relay::attach(caf::actor_system& sys, web_swarms swarms) {
  swarms_ = swarms;
  home_.emplace(sys, board_, routes_, swarms_);
  guests_.emplace(sys, board_, routes_, swarms_);
}

void web_relay::start() {
  thread_ = std::thread{[this] {
    auto patience = [this] {
      return home_->is_waiting() ? defaults::relay_reminder_period
                                 : std::chrono::milliseconds{idle_period};
    };
    while (board_->wait(patience()))
      run(mono_now());
  }};
}

void web_relay::stop() {
  board_->close();
  if (thread_.joinable())
    thread_.join();
  home_.reset();
  guests_.reset();
}

void web_relay::run(mono_time now) {
  overloaded deal{
      [&](web_heard& x) { handle(x, now); },
      [&](web_asked& x) { home_->announce(std::move(x.request), x.who, now); },
      [&](web_gone& x) { home_->gone(x.line); },
      [&](web_cut& x) {
        home_->cut(x.node);
        guests_->cut(x.node);
      },
      [&](web_offerer& x) { home_->offers(x.who, now); },
  };
  for (auto& x : board_->take())
    std::visit(deal, x);
  home_->advance(now);
  guests_->advance(now);
}

void web_relay::handle(web_heard& x, mono_time now) {
  auto said = decode_link_web(x.body);
  if (!said || x.from == cluster::nobody) {
    board_->counted.dropped.add();
    return;
  }
  std::visit(overloaded{
                 [&](link_web_announce& y) { guests_->hear(x.from, y, x.body.size(), now); },
                 [&](link_web_left& y) { guests_->hear(x.from, y); },
                 [&](link_web_reply& y) { home_->hear(x.from, y); },
                 [&](auto& y) { home_->hear(y); },
             },
             *said);
}

} // namespace shoal
