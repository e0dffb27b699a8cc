// SPDX-License-Identifier: Apache-2.0
#include "actors/far_swarms.hpp"

#include "actors/error.hpp"
#include "actors/link_convert.hpp"
#include "actors/link_kinds.hpp"
#include "actors/swarm_relay.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

namespace shoal {

using cluster::node_number;

namespace {

/// Of an answer: an operator waits for it, and the edge waits longer.
constexpr std::chrono::seconds patience{2};

} // namespace

far_swarms::far_swarms(caf::actor_config& cfg, cluster::links* between,
                       cluster::slot_routes* routes)
    : far_swarms_actor::base(cfg), between_{*between}, routes_{*routes} {}

far_swarms::behavior_type far_swarms::make_behavior() {
  return {[this](const describe_far_swarm& what) { return on_describe(what); },
          [this](const far_description& x) { on_description(x); }};
}

far_swarms::promise far_swarms::on_describe(const describe_far_swarm& what) {
  auto answer = make_response_promise<promise>();
  auto slot = slot_of(what.swarm);
  auto first = routes_.serving(slot);
  auto standby = routes_.route(slot).standby;
  if (first == cluster::nobody || first == cluster::this_node) {
    answer.deliver(to_caf({ec::unavailable, "no node that has the swarm can be reached"}));
  } else if (waiting_.size() >= limits::relay_descriptions_max) {
    answer.deliver(to_caf({ec::busy, "too many questions about swarms of other nodes"}));
  } else {
    auto other = standby != first && standby != cluster::this_node && routes_.is_reachable(standby);
    ask(first, {what, answer, other ? standby : cluster::nobody});
  }
  return answer;
}

void far_swarms::ask(node_number node, question q) {
  auto ticket = ++last_;
  auto body = encode(link_describe{q.what.swarm, q.what.addresses_max});
  waiting_.emplace(ticket, std::move(q));
  between_.call(routes_.name_of(node), link_kind::describe, std::move(body), mono_now() + patience,
                [self = caf::actor_cast<far_swarms_actor>(this), ticket](result<std::string> how) {
                  far_description x{ticket, 0, {}};
                  if (!how)
                    x.code = static_cast<uint8_t>(how.error().code);
                  x.text = how ? std::move(*how) : std::move(how.error().detail);
                  caf::anon_send(self, std::move(x));
                });
}

void far_swarms::on_description(const far_description& x) {
  auto found = waiting_.find(x.ticket);
  if (found == waiting_.end())
    return;
  auto q = std::move(found->second);
  waiting_.erase(found);
  auto code = static_cast<ec>(x.code);
  auto said = x.code == 0 ? decode_link_description(x.text) : std::nullopt;
  if (said)
    q.answer.deliver(from_link(*said));
  else if (auto next = std::exchange(q.second, cluster::nobody);
           next != cluster::nobody && code != ec::not_found)
    ask(next, std::move(q));
  else if (x.code != 0)
    q.answer.deliver(to_caf({code, x.text}));
  else
    q.answer.deliver(to_caf({ec::corrupt, "another node says what cannot be read"}));
}

} // namespace shoal
