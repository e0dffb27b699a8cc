// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.link_metrics

#include "cluster/link_metrics.hpp"

#include "tests/unit/cluster/support/hub_node.hpp"
#include "tests/unit/cluster/support/link_world.hpp"

#include <fstream>
#include <regex>
#include <set>

using namespace shoal;
using namespace shoal::cluster;
using namespace shoal::test;

namespace {

std::string shown(const std::shared_ptr<const link_board>& board) {
  metrics::registry registry;
  add_link_metrics(registry, board);
  std::string text;
  registry.render(text);
  return text;
}

bool has(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

} // namespace

CAF_TEST(nodes have series as long as they are followed) {
  link_report report;
  auto& a = report.peers.emplace_back();
  a.link.node = "a";
  a.link.smoothed_round_trip = std::chrono::microseconds{1500};
  a.link.bytes_in = 10;
  a.link.bytes_out = 20;
  a.link.credit_bytes = 30;
  a.link.answer_credit_bytes = 40;
  a.link.window_bytes = 50;
  a.link.queue_bytes = 60;
  a.link.pending = 70;
  a.is_up = true;
  a.ups = 3;
  report.peers.emplace_back().link.node = "\"b";
  report.totals.said[static_cast<size_t>(link_refusal::wrong_cluster)] = 4;
  report.totals.heard[static_cast<size_t>(link_refusal::shutting_down)] = 5;
  report.totals.dropped_notices = 6;
  report.certificate_expires = 1'800'000'000;
  auto board = std::make_shared<link_board>();
  board->publish(report);
  auto text = shown(board);
  CAF_MESSAGE(text);
  for (auto line :
       {"shoal_link_up{node=\"a\"} 1", "shoal_link_up{node=\"\\\"b\"} 0",
        "shoal_link_reconnects_total{node=\"a\"} 2",
        "shoal_link_reconnects_total{node=\"\\\"b\"} 0",
        "shoal_link_round_trip_seconds{node=\"a\"} 0.0015",
        "shoal_link_received_bytes_total{node=\"a\"} 10",
        "shoal_link_sent_bytes_total{node=\"a\"} 20",
        "shoal_link_credit_bytes{node=\"a\",lane=\"asks\"} 30",
        "shoal_link_credit_bytes{node=\"a\",lane=\"answers\"} 40",
        "shoal_link_window_bytes{node=\"a\"} 50", "shoal_link_queue_bytes{node=\"a\"} 60",
        "shoal_link_requests_pending{node=\"a\"} 70",
        "shoal_link_refusals_said_total{reason=\"wrong_cluster\"} 4",
        "shoal_link_refusals_heard_total{reason=\"shutting_down\"} 5",
        "shoal_link_dropped_notices_total 6",
        "shoal_link_certificate_expiry_timestamp_seconds 1800000000"})
    CAF_CHECK(has(text, line));
  report.peers.pop_back();
  board->publish(report);
  CAF_CHECK(!has(shown(board), "shoal_link_up{node=\"\\\"b\"} 0"));
}

CAF_TEST(every metric of links is documented) {
  std::set<std::string> names;
  auto text = shown(std::make_shared<link_board>());
  const std::regex help{R"(# HELP (\w+) )"};
  for (std::sregex_iterator at{text.begin(), text.end(), help}, end; at != end; ++at)
    names.insert((*at)[1]);
  CAF_CHECK_GREATER(names.size(), 10u);
  std::ifstream in{std::filesystem::path{__FILE__}.parent_path() / "../../../docs/operations.md"};
  const std::regex row{R"(^\| `(shoal_link_\w+)` \|.*)"};
  std::set<std::string> documented;
  std::smatch match;
  for (std::string line; std::getline(in, line);)
    if (std::regex_match(line, match, row))
      documented.insert(match[1]);
  CAF_CHECK(names == documented);
}

CAF_TEST(numbers of a node go on when it is linked again) {
  link_world world{1};
  world.start(identity("a"));
  world.start(identity("b"));
  auto meet = [&](uint64_t b_incarnation) {
    world.net.find("a")->follow({{"b", b_incarnation, {"b"}}});
    world.net.find("b")->follow({{"a", 1, {"a"}}});
    world.time.run_for(10s);
  };
  auto b = [&] { return world.net.find("a")->core.peer_numbers().at(0); };
  world.net.find("a")->follow({{"b", 1, {"b"}}});
  CAF_CHECK(!b().is_up);
  CAF_CHECK_EQUAL(b().link.node, "b");
  meet(1);
  auto first = b();
  CAF_CHECK(first.is_up);
  CAF_CHECK_EQUAL(first.ups, 1u);
  CAF_CHECK_GREATER(first.link.smoothed_round_trip.count(), 0);
  CAF_CHECK_EQUAL(first.link.window_bytes, limits::link_window_bytes);
  world.net.cut("a", "b", false);
  world.time.run_for(50ms);
  CAF_CHECK(!b().is_up);
  CAF_CHECK_GREATER(b().link.bytes_in, first.link.bytes_in - 1);
  world.time.run_for(10s);
  CAF_CHECK_EQUAL(b().ups, 2u);
  CAF_MESSAGE("and when it is another process");
  world.net.crash("b");
  world.start(identity("b", 2));
  meet(2);
  CAF_CHECK(b().is_up);
  CAF_CHECK_EQUAL(b().ups, 3u);
  CAF_CHECK_GREATER(b().link.bytes_out, first.link.bytes_out);
}

CAF_TEST(a hub says on its board how its links are and nothing when it has ended) {
  auto plainly = [](auto& x) { x.insecure = true; };
  auto a = std::make_unique<hub_node>("a", 1, link_files{}, plainly);
  hub_node b{"b", 2, {}, plainly};
  introduce(*a, b);
  auto board = a->hub->board();
  eventually([&] { return has(shown(board), "shoal_link_up{node=\"b\"} 1"); });
  a.reset();
  CAF_CHECK(board->latest()->peers.empty());
}
