// SPDX-License-Identifier: Apache-2.0
#include "actors/relay_hub.hpp"

#include "core/defaults.hpp"
#include "core/limits.hpp"

#include <algorithm>
#include <condition_variable>

namespace shoal {

using namespace cluster;

bool relay_inbox::put(relay_parcel x) {
  std::lock_guard guard{mutex_};
  if (closed_ || bytes_ + x.body.size() > limits::relay_inbox_bytes_max)
    return false;
  bytes_ += x.body.size();
  parcels_.push_back(std::move(x));
  if (parcels_.size() == 1)
    wake_();
  return true;
}

std::vector<relay_parcel> relay_inbox::take() {
  std::lock_guard guard{mutex_};
  bytes_ = 0;
  return std::exchange(parcels_, {});
}

void relay_inbox::poke() {
  if (waiting.load(std::memory_order_relaxed) == 0)
    return;
  // Under the lock, so that `close` keeps the edge until this is done.
  std::lock_guard guard{mutex_};
  if (!closed_)
    wake_();
}

void relay_inbox::close() {
  std::lock_guard guard{mutex_};
  closed_ = true;
  parcels_.clear();
}

/// The edges that there are, and whose turn it is.
struct relay_hub::desk {
  /// @returns the edge for what another node's edge sent; null if there is none.
  std::shared_ptr<relay_inbox> edge_for(size_t number) {
    std::lock_guard guard{mutex};
    return edges.empty() ? nullptr : edges[number % edges.size()];
  }

  /// @returns this node's edge of that number.
  std::shared_ptr<relay_inbox> edge_at(size_t number) {
    std::lock_guard guard{mutex};
    return number < edges.size() ? edges[number] : nullptr;
  }

  /// Under the lock.
  void poke() {
    for (auto& edge : edges)
      edge->poke();
  }

  std::mutex mutex;
  std::condition_variable closing;
  std::vector<std::shared_ptr<relay_inbox>> edges;
  bool closed = false;
};

namespace {

/// The byte that says which edge of the asking node has asked: the highest one of the tickets.
size_t edge_of_announces(std::string_view body) {
  constexpr size_t at = 1 + 3; // After the flags, little endian.
  return body.size() > at ? static_cast<uint8_t>(body[at]) : 0;
}

size_t edge_of_answers(std::string_view body) {
  constexpr size_t at = 3;
  return body.size() > at ? static_cast<uint8_t>(body[at]) : 0;
}

} // namespace

relay_hub::relay_hub(links& between, slot_routes& routes, bool whole_ids,
                     metrics::registry& registry)
    : between_{between}, routes_{routes}, whole_ids_{whole_ids},
      metrics_{std::make_shared<relay_metrics>()}, desk_{std::make_shared<desk>()} {
  serve();
  add_metrics(registry);
}

void relay_hub::start() {
  reminder_ = std::thread{[shared = desk_] {
    std::unique_lock guard{shared->mutex};
    while (!shared->closing.wait_for(guard, defaults::relay_reminder_period,
                                     [&] { return shared->closed; }))
      shared->poke();
  }};
}

void relay_hub::remind() {
  std::lock_guard guard{desk_->mutex};
  desk_->poke();
}

void relay_hub::serve() {
  using what = relay_parcel::what;
  auto shared = desk_;
  auto give = [numbers = metrics_, names = &routes_](what kind, const link_message& x,
                                                     std::shared_ptr<relay_inbox> to,
                                                     std::optional<link_reply> reply = {}) {
    auto from = names->number_of(std::string{x.from});
    if (!to || !to->put({kind, from, std::string{x.body}, std::move(reply), {}, 0}))
      numbers->dropped.add();
  };
  between_.serve(link_kind::announces, [=](const link_message& x, const link_reply&) {
    give(what::announces, x, shared->edge_for(edge_of_announces(x.body)));
  });
  between_.serve(link_kind::answers, [=](const link_message& x, const link_reply&) {
    give(what::answers, x, shared->edge_at(edge_of_answers(x.body)));
  });
  between_.serve(link_kind::scrapes, [=](const link_message& x, link_reply reply) {
    if (x.is_request && mono_now() <= x.deadline)
      give(what::scrapes, x, shared->edge_for(0), std::move(reply));
  });
}

void relay_hub::add_metrics(metrics::registry& registry) {
  auto numbers = metrics_;
  auto add = [&](const char* name, const char* help, metrics::counter relay_metrics::*which) {
    registry.add_reader(
        name, help, "", [numbers, which] { return double(((*numbers).*which).value()); },
        "counter");
  };
  add("shoal_relay_announces_sent_total", "Announces passed to other nodes", &relay_metrics::sent);
  add("shoal_relay_batches_sent_total", "Messages with announces to other nodes",
      &relay_metrics::batches);
  add("shoal_relay_announces_served_total", "Announces answered for other nodes",
      &relay_metrics::served);
  add("shoal_relay_standby_total", "Announces that a standby was asked for",
      &relay_metrics::stood_in);
  add("shoal_relay_resent_total", "Announces sent again, as no answer came",
      &relay_metrics::resent);
  add("shoal_relay_lost_total", "Announces answered without peers, as no node that has them did",
      &relay_metrics::lost);
  add("shoal_relay_dropped_total", "Messages about swarms for which there was no room",
      &relay_metrics::dropped);
}

relay_hub::~relay_hub() {
  {
    std::lock_guard guard{desk_->mutex};
    desk_->closed = true;
    desk_->edges.clear();
  }
  desk_->closing.notify_all();
  if (reminder_.joinable())
    reminder_.join();
}

uint8_t relay_hub::add(std::shared_ptr<relay_inbox> edge) {
  std::lock_guard guard{desk_->mutex};
  SHOAL_CHECK(desk_->edges.size() < 256);
  desk_->edges.push_back(std::move(edge));
  return static_cast<uint8_t>(desk_->edges.size() - 1);
}

void relay_hub::remove(const std::shared_ptr<relay_inbox>& edge) {
  std::lock_guard guard{desk_->mutex};
  // The others keep their numbers.
  std::replace(desk_->edges.begin(), desk_->edges.end(), edge,
               std::make_shared<relay_inbox>([] {}));
}

void relay_hub::ask_scrape(node_number to, std::string body, mono_time deadline,
                           const std::shared_ptr<relay_inbox>& edge, uint64_t asked) {
  auto numbers = metrics_;
  between_.call(routes_.name_of(to), link_kind::scrapes, std::move(body), deadline,
                [numbers, edge, asked, to](result<std::string> answer) {
                  relay_parcel x{relay_parcel::what::scraped, to, {}, {}, {}, asked};
                  if (answer)
                    x.body = std::move(*answer);
                  else
                    x.failure = std::move(answer.error());
                  if (!edge->put(std::move(x)))
                    numbers->dropped.add();
                });
}

} // namespace shoal
