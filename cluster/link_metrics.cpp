// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_metrics.hpp"

#include <utility>

namespace shoal::cluster {

namespace {

using board_ptr = std::shared_ptr<const link_board>;
using sink = metrics::registry::sink;

constexpr std::string_view gauge = "gauge";
constexpr std::string_view counter = "counter";

/// A family with a series for each node that is followed.
struct node_family {
  std::string_view name;
  std::string_view help;
  std::string_view kind;
  double (*read)(const link_peer_numbers&);
};

constexpr node_family node_families[]{
    {"shoal_link_up", "Whether there is a link to the node", gauge,
     [](auto& x) { return x.is_up ? 1.0 : 0.0; }},
    {"shoal_link_protocol_version", "Version of the protocol that is spoken with the node", gauge,
     [](auto& x) { return double(x.link.version); }},
    {"shoal_link_reconnects_total", "Links to the node that came up after the first one", counter,
     [](auto& x) { return x.ups > 1 ? double(x.ups - 1) : 0.0; }},
    {"shoal_link_round_trip_seconds", "Time of a heartbeat to the node and back, smoothed", gauge,
     [](auto& x) { return std::chrono::duration<double>(x.link.smoothed_round_trip).count(); }},
    {"shoal_link_received_bytes_total", "Bytes from the node", counter,
     [](auto& x) { return double(x.link.bytes_in); }},
    {"shoal_link_sent_bytes_total", "Bytes to the node", counter,
     [](auto& x) { return double(x.link.bytes_out); }},
    {"shoal_link_window_bytes", "Bytes that each lane to the node may have under way", gauge,
     [](auto& x) { return double(x.link.window_bytes); }},
    {"shoal_link_queue_bytes", "Bytes that wait for credit of the node", gauge,
     [](auto& x) { return double(x.link.queue_bytes); }},
    {"shoal_link_requests_pending", "Requests to the node without an answer", gauge,
     [](auto& x) { return double(x.link.pending); }},
    {"shoal_link_requests_open", "Requests of the node without an answer", gauge,
     [](auto& x) { return double(x.link.open); }},
    {"shoal_link_late_answers_total", "Answers of the node that nobody waited for any more",
     counter, [](auto& x) { return double(x.link.late_answers); }},
};

void add_nodes(metrics::registry& to, const board_ptr& board) {
  for (auto& family : node_families)
    to.add_collector(family.name, family.help, family.kind,
                     [board, read = family.read](const sink& out) {
                       auto report = board->latest();
                       for (auto& x : report->peers)
                         out("node=" + metrics::quoted(x.link.node), read(x));
                     });
  to.add_collector("shoal_link_credit_bytes", "Bytes that may be sent to the node now, by lane",
                   gauge, [board](const sink& out) {
                     auto report = board->latest();
                     for (auto& x : report->peers) {
                       auto node = "node=" + metrics::quoted(x.link.node);
                       out(node + ",lane=\"asks\"", double(x.link.credit_bytes));
                       out(node + ",lane=\"answers\"", double(x.link.answer_credit_bytes));
                     }
                   });
}

void add_refusals(metrics::registry& to, const board_ptr& board) {
  auto add = [&](std::string_view name, std::string_view help,
                 link_totals::by_reason link_totals::*which) {
    to.add_collector(name, help, counter, [board, which](const sink& out) {
      auto report = board->latest();
      for (size_t i = 1; i < (report->totals.*which).size(); ++i) {
        auto reason = std::string{cluster::name(static_cast<link_refusal>(i))};
        out("reason=" + metrics::quoted(reason), double((report->totals.*which)[i]));
      }
    });
  };
  add("shoal_link_refusals_said_total", "Links that this node ended, by reason",
      &link_totals::said);
  add("shoal_link_refusals_heard_total", "Links that other nodes ended, by reason",
      &link_totals::heard);
}

} // namespace

void add_link_metrics(metrics::registry& registry, board_ptr board) {
  add_nodes(registry, board);
  add_refusals(registry, board);
  registry.add_collector("shoal_link_certificate_expiry_timestamp_seconds",
                         "When the certificate that links show expires, in seconds since 1970",
                         gauge, [board](const sink& out) {
                           if (auto expires = board->latest()->certificate_expires; expires != 0)
                             out({}, double(expires));
                         });
  auto add = [&](std::string_view name, std::string_view help, std::string_view kind, auto read) {
    registry.add_reader(
        name, help, {}, [board, read] { return double(read(*board->latest())); }, kind);
  };
  add("shoal_link_dials_total", "Connections to nodes that were tried", counter,
      [](auto& x) { return x.totals.dials; });
  add("shoal_link_dropped_notices_total", "Notices without a link or without room", counter,
      [](auto& x) { return x.totals.dropped_notices; });
  add("shoal_link_inbox_refused_total", "Messages beyond what the links' thread may have waiting",
      counter, [](auto& x) { return x.inbox_refused; });
  add("shoal_link_strangers", "Connections to the link port without a valid hello", gauge,
      [](auto& x) { return x.strangers; });
  add("shoal_link_strangers_refused_total", "Connections to the link port that were too many",
      counter, [](auto& x) { return x.turned_away + x.pushed_out; });
}

} // namespace shoal::cluster
