// SPDX-License-Identifier: Apache-2.0
#include "actors/spent_teller.hpp"

#include "actors/link_kinds.hpp"
#include "core/log.hpp"

namespace shoal {

namespace {

/// A principal that fetches from several nodes is as much faster as this lets it, for so long.
constexpr std::chrono::milliseconds period{250};

} // namespace

spent_teller::spent_teller(caf::actor_config& cfg, spent_teller_config config)
    : spent_teller_actor::base(cfg), config_{std::move(config)} {
  config_.links->serve(link_kind::spent, [book = config_.book](const cluster::link_message& x,
                                                               const cluster::link_reply&) {
    if (auto told = decode_link_spent(x.body))
      book->hear(*told);
    else
      log::warn("quotas", "cannot read what a node tells node={} error=\"{}\"", x.from,
                to_string(told.error()));
  });
}

spent_teller::behavior_type spent_teller::make_behavior() {
  delayed_send(this, period, atom::tick::value);
  return {[this](atom::tick) { tell(); }};
}

void spent_teller::tell() {
  delayed_send(this, period, atom::tick::value);
  auto spent = config_.book->take();
  if (spent.empty())
    return;
  auto body = encode(spent);
  for (auto& node : config_.others())
    config_.links->tell(node, link_kind::spent, body);
}

} // namespace shoal
