// SPDX-License-Identifier: Apache-2.0
#include "actors/cluster_admin.hpp"

#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/messages/object_copies.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <future>

namespace shoal {

namespace {

using namespace std::chrono_literals;

/// The other nodes get the first, and whoever is to call back gets a little longer. That may still
/// come later: promises are shared.
constexpr auto answer_patience = 2s;
constexpr auto callback_patience = 3s;

template <class T>
result<T> await(std::future<result<T>>& answer) {
  if (answer.wait_for(callback_patience) != std::future_status::ready)
    return fail(ec::timeout);
  return answer.get();
}

result<void> check_etcd(const cluster::cluster_sight& sight) {
  if (sight.etcd.reachable)
    return {};
  return fail(ec::unavailable, "etcd cannot be reached");
}

bool knows(const cluster::cluster_sight& sight, const std::string& node) {
  return std::any_of(sight.nodes.begin(), sight.nodes.end(),
                     [&](auto& x) { return x.record.id == node; })
         || std::binary_search(sight.drains.begin(), sight.drains.end(), node);
}

} // namespace

cluster_admin::cluster_admin(std::string self, cluster::member& member, cluster::links& between,
                             std::shared_ptr<const cluster::link_board> board)
    : self_{std::move(self)}, member_{member}, links_{between}, board_{std::move(board)} {
  links_.serve(link_kind::hurry,
               [&member](const cluster::link_message& x, cluster::link_reply reply) {
                 log::info("cluster", "rebalances asked_by=\"{}\"", x.from);
                 member.hurry();
                 reply(std::string{});
               });
}

result<void> cluster_admin::drain(const std::string& node, bool yes) {
  if (!knows(*sight(), node))
    return fail(ec::not_found, "node '" + node + "'");
  if (auto there = check_etcd(*sight()); !there)
    return there;
  auto answer = std::make_shared<std::promise<result<void>>>();
  auto future = answer->get_future();
  member_.drain(node, yes, [answer](result<void> x) { answer->set_value(std::move(x)); });
  auto drained = await(future);
  if (drained)
    log::info("cluster", "{} node=\"{}\"", yes ? "drains" : "drains no more", node);
  return drained;
}

result<std::optional<uint64_t>> cluster_admin::objects_left(const std::string& node) {
  if (!knows(*sight(), node))
    return fail(ec::not_found, "node '" + node + "'");
  auto answer = std::make_shared<std::promise<result<std::string>>>();
  auto future = answer->get_future();
  links_.call(node, link_kind::drain_state, {}, mono_now() + answer_patience,
              [answer](result<std::string> x) { answer->set_value(std::move(x)); });
  auto body = await(future);
  auto state = body ? from_archive<drain_state>(*body) : tl::unexpected{body.error()};
  return state && state->known ? std::optional{state->objects} : std::nullopt;
}

result<cluster_admin::hurried> cluster_admin::rebalance() {
  auto seen = sight();
  if (auto there = check_etcd(*seen); !there)
    return tl::unexpected{there.error()};
  log::info("cluster", "rebalances asked_by=\"\"");
  member_.hurry();
  std::vector<std::pair<std::string, std::future<result<std::string>>>> others;
  for (auto& node : seen->nodes) {
    auto& id = node.record.id;
    if (id == self_)
      continue;
    auto answer = std::make_shared<std::promise<result<std::string>>>();
    others.emplace_back(id, answer->get_future());
    links_.call(id, link_kind::hurry, {}, mono_now() + answer_patience,
                [answer](result<std::string> x) { answer->set_value(std::move(x)); });
  }
  hurried made{{self_}, {}};
  for (auto& [id, future] : others)
    (await(future) ? made.asked : made.unreached).push_back(id);
  std::sort(made.asked.begin(), made.asked.end());
  return made;
}

} // namespace shoal
