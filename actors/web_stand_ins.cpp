// SPDX-License-Identifier: Apache-2.0
#include "actors/web_stand_ins.hpp"

#include <caf/actor_cast.hpp>

#include <typeinfo>

namespace shoal {

namespace {

link_web_answered to_link(const web_answered& x, uint64_t line) {
  return {line, x.swarm, x.to, x.from, x.answer};
}

class far_offerer final : public lean_actor {
public:
  far_offerer(caf::actor_config& cfg, std::shared_ptr<web_switchboard> board,
              cluster::node_number node, uint64_t line)
      : lean_actor(cfg), board_{std::move(board)}, node_{node}, line_{line} {}

private:
  bool receive(caf::mailbox_element& x) override {
    return on<web_answered>(x, [this](auto& fact) { board_->tell(node_, to_link(fact, line_)); });
  }
  void on_end(const caf::error&) override {}

  const std::shared_ptr<web_switchboard> board_;
  const cluster::node_number node_;
  const uint64_t line_;
};

const web_guest* as_guest(const offerer_actor& handle) {
  auto* actor = caf::actor_cast<caf::abstract_actor*>(handle);
  return typeid(*actor) == typeid(web_guest) ? static_cast<web_guest*>(actor) : nullptr;
}

} // namespace

web_guest::web_guest(caf::actor_config& cfg, std::shared_ptr<web_switchboard> board,
                     cluster::node_number node, uint64_t line)
    : lean_actor(cfg), board_{std::move(board)}, node_{node}, line_{line} {
  board_->counted.guests.add(1);
}

void web_guest::owe(size_t bytes) {
  due_bytes_ += bytes;
  board_->due_bytes += bytes;
}

void web_guest::settle_debt() {
  board_->due_bytes -= due_bytes_.exchange(0);
}

bool web_guest::receive(caf::mailbox_element& x) {
  return on<web_reply>(x, [this](auto& reply) { on_reply(reply); })
         || on_own<web_offered, offerer_actor>(
             x, [this](auto& offered, auto& from) { on_offered(offered, from); })
         || on<web_answered>(x, [this](auto& fact) { board_->tell(node_, to_link(fact, line_)); })
         || on<web_evicted>(x, [this](auto& fact) {
              board_->tell(node_, link_web_evicted{line_, fact.swarm});
            });
}

void web_guest::on_reply(const web_reply& x) {
  settle_debt();
  board_->tell(
      node_, link_web_reply{line_, x.swarm, x.interval_s, x.complete, x.incomplete, x.arrived_us});
}

void web_guest::on_offered(web_offered& x, const offerer_actor& from) {
  if (!from)
    return;
  link_web_offered out{line_, x.swarm, x.to, x.from, {}, 0, std::move(x.offer)};
  if (auto* guest = as_guest(from)) {
    out.node = board_->name_of(guest->node());
    out.offerer_line = guest->line();
  } else {
    // Said before the offer, so that the answer finds its way back.
    board_->put(web_offerer{from});
    out.node = board_->self();
    out.offerer_line = from->id();
  }
  if (!out.node.empty())
    board_->tell(node_, out);
}

void web_guest::on_end(const caf::error&) {
  settle_debt();
  board_->counted.guests.add(-1);
}

visitor_actor spawn_guest(caf::actor_system& sys, std::shared_ptr<web_switchboard> board,
                          cluster::node_number node, uint64_t line) {
  return spawn_lean<web_guest, visitor_actor>(sys, std::move(board), node, line);
}

web_guest& guest_behind(const visitor_actor& handle) {
  return *static_cast<web_guest*>(caf::actor_cast<caf::abstract_actor*>(handle));
}

offerer_actor spawn_far_offerer(caf::actor_system& sys, std::shared_ptr<web_switchboard> board,
                                cluster::node_number node, uint64_t line) {
  return spawn_lean<far_offerer, offerer_actor>(sys, std::move(board), node, line);
}

} // namespace shoal
