// SPDX-License-Identifier: Apache-2.0
// Who seeds for the cluster, as the agents themselves say.
#include "actors/agent_book.hpp"
#include "http/dialects/handlers.hpp"
#include "http/json_body.hpp"

namespace shoal::http {

namespace {

constexpr size_t agents_shown_max = 1000;

nlohmann::ordered_json describe(const agent_card& x) {
  auto swarms = nlohmann::ordered_json::array();
  for (auto& s : x.said.swarms)
    swarms.push_back(
        {{"info_hash", s.swarm.hex()}, {"have", s.have_bytes}, {"size", s.size_bytes}});
  return {{"name", x.said.name},
          {"address", x.address.str()},
          {"port", x.said.port},
          {"zone", x.said.zone},
          {"capacity", x.said.capacity_bytes_per_second},
          {"sending", x.said.sent_bytes_per_second},
          {"sent", x.said.sent_bytes},
          {"since", x.since},
          {"node", x.node.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(x.node)},
          {"swarms", std::move(swarms)}};
}

} // namespace

task<> agent_list(exchange& ex) {
  auto& book = ex.node().agents();
  auto list = nlohmann::ordered_json::array();
  for (auto& x : book.list(agents_shown_max))
    list.push_back(describe(x));
  nlohmann::ordered_json doc{{"count", book.known()}, {"agents", std::move(list)}};
  co_await ex.send(json(200, dump_json(doc)));
}

} // namespace shoal::http
