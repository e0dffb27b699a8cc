// SPDX-License-Identifier: Apache-2.0
// What the cluster looks like from one of its nodes, and what an operator asks of it.
#include "cmd/cli/commands.hpp"
#include "cmd/cli/drain_wait.hpp"
#include "cmd/cli/output.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

using nlohmann::json;
using table = std::vector<std::vector<std::string>>;

struct drain_options {
  std::string node;
  bool wait = false;
  unsigned timeout_s = 300;
};

/// @returns the cluster as the server sees it; a failure if it is alone.
outcome<json> fetch_cluster(http_client& client) {
  auto found = client.fetch_json("/api/cluster");
  if (found && member_text(*found, "mode") != "cluster")
    return refuse(exit_code::refused, client.base_url() + " is in no cluster");
  return found;
}

outcome<json> post(http_client& client, const std::string& path) {
  http_request request;
  request.method = "POST";
  request.path = path;
  request.busy_retries = 2; // Without etcd, say: an operator would rather know.
  auto answer = client.send_ok(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  auto parsed = json::parse(answer->body, nullptr, false);
  if (parsed.is_discarded())
    return refuse(exit_code::refused, answer->url + ": the answer is no JSON");
  return parsed;
}

const json& part(const json& of, const char* name) {
  static const json none;
  return of.is_object() && of.contains(name) ? of[name] : none;
}

bool is_true(const json& of, const char* name) {
  auto& value = part(of, name);
  return value.is_boolean() && value.get<bool>();
}

std::string joined(const json& list) {
  std::string text;
  for (auto& one : list)
    if (one.is_string())
      text += (text.empty() ? "" : ", ") + safe_text(one.get_ref<const std::string&>());
  return text;
}

std::string state_of(const json& node) {
  if (is_true(node, "leaving"))
    return "leaving";
  return is_true(node, "draining") ? "draining" : "up";
}

std::string link_text(const json& node) {
  auto& linked = part(node, "linked");
  if (!linked.is_boolean())
    return "(asked)";
  return linked.get<bool>() ? "up" : "DOWN";
}

// -- what is there --------------------------------------------------------------------

void print_status(const json& doc) {
  auto line
      = [](const char* name, const std::string& text) { fmt::print("{:<12} {}\n", name, text); };
  auto& etcd = part(doc, "etcd");
  auto& lease = part(doc, "lease");
  auto& slots = part(doc, "slots");
  size_t linked = 0;
  for (auto& node : part(doc, "nodes"))
    linked += is_true(node, "linked");
  line("cluster", member_text(doc, "cluster_id"));
  line("node", member_text(doc, "node") + (is_true(doc, "joined") ? "" : ", NOT JOINED"));
  line("etcd", (is_true(etcd, "reachable") ? "reachable, " : "NOT REACHABLE, last ")
                   + member_text(etcd, "endpoint"));
  line("lease", is_true(lease, "held") ? "held, " + member_text(lease, "remaining_s") + " s left"
                                       : "NOT HELD");
  line("nodes",
       fmt::format("{}, {} of them linked with this one", part(doc, "nodes").size(), linked));
  line("slots", fmt::format("{} owned and {} stood by for, of {}", member_number(slots, "owned"),
                            member_number(slots, "standing_by"), member_number(slots, "total")));
  line("", fmt::format("{} without an owner, {} misplaced", member_number(slots, "unowned"),
                       member_number(slots, "misplaced")));
  if (auto drains = joined(part(doc, "drains")); !drains.empty())
    line("drains", drains);
}

void print_nodes(const json& doc) {
  table rows{{"NODE", "STATE", "LINK", "RTT MS", "OWNED", "STANDBY", "ZONE", "WEIGHT", "VERSION",
              "ADDRESSES"}};
  for (auto& node : part(doc, "nodes"))
    rows.push_back({member_text(node, "id"), state_of(node), link_text(node),
                    member_text(node, "round_trip_ms"), member_text(node, "slots_owned"),
                    member_text(node, "slots_standing_by"), member_text(node, "zone"),
                    member_text(node, "weight"), member_text(node, "version"),
                    joined(part(node, "addresses"))});
  print_table(rows, {false, false, false, true, true, true, false, true, false, false});
}

void print_slots(const json& doc) {
  auto shown = [](const json& slot, const char* role, const char* target) {
    auto is = member_text(slot, role);
    auto wanted = member_text(slot, target);
    return (is.empty() ? "-" : is) + (is == wanted ? "" : " -> " + (wanted.empty() ? "-" : wanted));
  };
  table rows{{"SLOT", "EPOCH", "OWNER", "STANDBY"}};
  for (auto& slot : part(doc, "slots"))
    rows.push_back({member_text(slot, "slot"), member_text(slot, "epoch"),
                    shown(slot, "owner", "target_owner"),
                    shown(slot, "standby", "target_standby")});
  print_table(rows, {true, true, false, false});
}

outcome<void> show(const context& ctx, const char* path, void (*print)(const json&)) {
  auto client = ctx.client();
  auto doc = fetch_cluster(client);
  if (doc && std::string_view{path} != "/api/cluster")
    doc = client.fetch_json(path);
  if (!doc)
    return tl::unexpected<failure>(doc.error());
  if (ctx.json)
    print_json(*doc);
  else
    print(*doc);
  return {};
}

// -- what is asked --------------------------------------------------------------------

outcome<void> drain(const context& ctx, const drain_options& options, bool yes) {
  auto client = ctx.client();
  client.send_key_always();
  auto path = std::string{"/api/cluster/"} + (yes ? "drain" : "undrain");
  auto answer = post(client, path + query_string({{"node", options.node}}));
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (options.wait)
    if (auto empty = wait_until_drained(ctx, client, options.node, options.timeout_s); !empty)
      return empty;
  if (ctx.json)
    print_json(*answer);
  else if (!yes)
    fmt::print("{} may take slots again\n", safe_text(options.node));
  else
    fmt::print("{} {}\n", safe_text(options.node),
               options.wait ? "owns nothing any more" : "gives up its slots");
  return {};
}

outcome<void> rebalance(const context& ctx) {
  auto client = ctx.client();
  auto answer = post(client, "/api/cluster/rebalance");
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (ctx.json)
    print_json(*answer);
  else
    fmt::print("told to move misplaced slots at once: {}\n", joined(part(*answer, "asked")));
  if (auto unreached = joined(part(*answer, "unreached")); !unreached.empty())
    return refuse(exit_code::refused, "not reached: " + unreached);
  return {};
}

void add_views(CLI::App& group, context& ctx) {
  auto* status = group.add_subcommand("status", "Tell how the cluster is, as one node sees it");
  ctx.on_run(*status, [&ctx] { return show(ctx, "/api/cluster", print_status); });
  auto* nodes = group.add_subcommand("nodes", "List the nodes");
  ctx.on_run(*nodes, [&ctx] { return show(ctx, "/api/cluster", print_nodes); });
  auto* slots = group.add_subcommand("slots", "List who owns and stands by for which slot");
  slots->footer("\"a -> b\": a has it, b is to have it.");
  ctx.on_run(*slots, [&ctx] { return show(ctx, "/api/cluster/slots", print_slots); });
}

void add_orders(CLI::App& group, context& ctx) {
  auto options = std::make_shared<drain_options>();
  auto* give_up = group.add_subcommand("drain", "Have a node give up its slots, e.g. to remove it");
  give_up->add_option("node", options->node, "Its id")->required()->type_name("NODE");
  give_up->add_flag("--wait", options->wait,
                    "Until it owns nothing, stands by for nothing, and others have its objects");
  give_up->add_option("--timeout", options->timeout_s, "Seconds to wait")
      ->type_name("SECONDS")
      ->capture_default_str();
  ctx.on_run(*give_up, [&ctx, options] { return drain(ctx, *options, true); });
  auto* take_again = group.add_subcommand("undrain", "Let a node take slots again");
  take_again->add_option("node", options->node, "Its id")->required()->type_name("NODE");
  ctx.on_run(*take_again, [&ctx, options] { return drain(ctx, *options, false); });
  auto* hurry = group.add_subcommand("rebalance", "Have misplaced slots move at once");
  ctx.on_run(*hurry, [&ctx] { return rebalance(ctx); });
}

} // namespace

void add_cluster(CLI::App& app, context& ctx) {
  auto* group = app.add_subcommand("cluster", "Look at a cluster of nodes and rearrange it");
  group->require_subcommand(1);
  group->fallthrough();
  group->footer("What changes something needs the admin key: --key or SHOAL_KEY.");
  add_views(*group, ctx);
  add_orders(*group, ctx);
}

} // namespace shoal::cli
