// SPDX-License-Identifier: Apache-2.0
// Scrapes of swarms that other nodes have, and of this node's for them.
#include "actors/edge_relay.hpp"
#include "actors/link_convert.hpp"

#include <map>

namespace shoal {

using cluster::node_number;

namespace {

/// Gathers the numbers that another node asked for.
class foreign_scrape final : public scrape_sink {
public:
  foreign_scrape(cluster::link_reply reply, size_t swarms) : reply_{std::move(reply)} {
    answer_.numbers.resize(swarms);
  }

  void on_numbers(uint32_t index, const swarm_numbers& numbers) override {
    answer_.numbers[index] = to_link(numbers);
  }

  void on_scraped() override {
    std::string body;
    append_link_scrape_answer(body, answer_);
    reply_(std::move(body));
    delete this;
  }

private:
  cluster::link_reply reply_;
  link_scrape_answer answer_;
};

constexpr std::chrono::seconds scrape_patience{2};

} // namespace

void edge_relay::scrape(uint64_t exchange, std::vector<scraped_swarm> swarms, mono_time now) {
  spread({exchange, std::move(swarms), now}, now);
}

void edge_relay::spread(pending_scrape x, mono_time now) {
  std::map<node_number, std::vector<scraped_swarm>> by_node;
  for (auto& one : x.swarms) {
    auto pick = choice_.choose(slot_of(one.hash), now);
    auto node = pick.at == relay_pick::where::there ? pick.node : cluster::nobody;
    by_node[node].push_back(std::move(one));
  }
  for (auto& [node, some] : by_node) {
    pending_scrape part{x.exchange, std::move(some), x.began, x.again};
    if (node == cluster::nobody)
      scrape_here(part);
    else
      ask_scrape(std::move(part), node, now);
  }
}

void edge_relay::ask_scrape(pending_scrape x, node_number node, mono_time now) {
  std::vector<info_hash> hashes;
  for (auto& one : x.swarms)
    hashes.push_back(one.hash);
  std::string body;
  append_link_scrape(body, {0, hashes});
  auto number = ++next_scrape_;
  scrapes_.emplace(number, std::move(x));
  hub_.ask_scrape(node, std::move(body), now + scrape_patience, inbox_, number);
}

/// What this node knows: as standby, or of nothing.
void edge_relay::scrape_here(const pending_scrape& x) {
  for (auto& one : x.swarms)
    port_.scrape_here(x.exchange, {one.index, directory_.lookup(one.hash).swarm, one.hash});
}

void edge_relay::on_scraped(const relay_parcel& x, mono_time now) {
  auto found = scrapes_.find(x.asked);
  if (found == scrapes_.end())
    return;
  auto asked = std::move(found->second);
  scrapes_.erase(found);
  link_scrape_answer_reader in{x.body};
  link_scrape_answer answer;
  if (!x.failure && in.next(answer) && answer.numbers.size() == asked.swarms.size()) {
    for (size_t i = 0; i < asked.swarms.size(); ++i)
      port_.on_reply(
          scrape_reply{asked.exchange, asked.swarms[i].index, from_link(answer.numbers[i])});
    return;
  }
  if (std::exchange(asked.again, true)) {
    scrape_here(asked);
    return;
  }
  choice_.overdue(x.from, now);
  spread(std::move(asked), now);
}

void edge_relay::on_scrapes(relay_parcel& x, mono_time now) {
  link_scrape_reader in{x.body};
  link_scraped asked;
  if (!in.next(asked) || asked.swarms.empty()) {
    (*x.reply)(fail(ec::invalid_argument, "no scrape"));
    return;
  }
  std::vector<scraped_swarm> here;
  for (uint32_t i = 0; i < asked.swarms.size(); ++i)
    here.push_back({i, directory_.lookup(asked.swarms[i]).swarm, asked.swarms[i]});
  // Ends itself.
  auto* sink = new foreign_scrape{std::move(*x.reply), asked.swarms.size()};
  port_.scrape_all_here(here, *sink, now);
}

} // namespace shoal
