// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/interrupt.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/progress.hpp"
#include "protocol/event_stream.hpp"
#include "protocol/model_id.hpp"

#include <fmt/format.h>

#include <optional>

namespace shoal::cli {

namespace {

using nlohmann::json;

constexpr int reconnects_max = 5;

struct preheat_options {
  std::string about;
  std::string kind = "model";
  std::vector<std::string> include;
  std::string cancel;
  bool no_wait = false;
};

outcome<json> parse_status(const http_response& answer) {
  auto doc = json::parse(answer.body, nullptr, false);
  if (!doc.is_object() || member_text(doc, "preheat").empty())
    return refuse(exit_code::refused, "the answer is no preheat: " + answer.url, answer.status);
  return doc;
}

outcome<json> begin(http_client& client, const preheat_options& options) {
  const auto at = options.about.find('@');
  const auto id = options.about.substr(0, at);
  const auto rev = at == std::string::npos ? std::string{"main"} : options.about.substr(at + 1);
  if (!model_id::parse(id) || rev.empty())
    return refuse(exit_code::usage, "say NS/NAME or NS/NAME@REV, or --cancel ID");
  http_request request;
  request.method = "POST";
  request.path = "/api/preheat";
  request.body
      = json{{"id", id}, {"rev", rev}, {"kind", options.kind}, {"include", options.include}}.dump();
  return client.send_ok(request).and_then(parse_status);
}

outcome<json> cancel(http_client& client, const std::string& id) {
  http_request request;
  request.method = "DELETE";
  request.path = "/api/preheat/" + id;
  return client.send_ok(request).and_then(parse_status);
}

bool is_over(const json& status) {
  const auto state = member_text(status, "state");
  return state == "done" || state == "failed" || state == "cancelled";
}

/// The line that people see while they wait.
class watching {
public:
  explicit watching(bool visible) : visible_(visible) {}

  void show(const json& status) {
    const auto state = member_text(status, "state");
    const auto total = member_number(status, "size_bytes");
    if (state != "listing" && total > 0 && !bar_)
      bar_.emplace("Pulling", total, visible_);
    if (bar_)
      bar_->update(member_number(status, "done_bytes"));
    const auto waits_for = member_text(status, "waits_for");
    if (!waits_for.empty() && !std::exchange(waits_, true))
      fmt::print(stderr, "shoal: waits until there is room: {}\n", waits_for);
    waits_ = !waits_for.empty();
    if (state == "registering" && !std::exchange(says_so_, true) && visible_) {
      bar_.reset();
      fmt::print(stderr, "Making torrents\n");
    }
  }

private:
  bool visible_;
  bool says_so_ = false;
  bool waits_ = false;
  std::optional<progress_bar> bar_;
};

/// Listens until the job has ended. The stream may break: the job does not end with it.
outcome<json> follow(const context& ctx, http_client& client, json status) {
  watching shown(ctx.wants_progress());
  const auto path = "/api/preheat/" + member_text(status, "preheat") + "/events";
  for (int breaks = 0; !is_over(status) && !interrupted();) {
    event_reader reader([&](const server_event& x) {
      auto doc = json::parse(x.data, nullptr, false);
      if (!doc.is_object())
        return;
      status = std::move(doc);
      shown.show(status);
      breaks = 0;
    });
    http_request request;
    request.path = path;
    request.headers = {"Accept: text/event-stream"};
    request.sink = [&](std::string_view bytes) { return reader.take(bytes) && !interrupted(); };
    auto answer = client.send_ok(request);
    if (!answer && answer.error().code == exit_code::refused)
      return tl::unexpected<failure>(answer.error());
    if (is_over(status) || interrupted())
      break;
    auto why = answer ? failure{exit_code::unreachable, "the stream of events has ended"}
                      : answer.error();
    if (++breaks > reconnects_max)
      return tl::unexpected<failure>(std::move(why));
    client.wait(why, 1 << (breaks - 1));
  }
  return status;
}

/// What became of the commit as a revision.
std::string about_swarm(const json& status) {
  const auto mirror = member_text(status, "mirror");
  const auto name = member_text(status, "id") + "@" + member_text(status, "commit");
  if (mirror == "made" || mirror == "there")
    return "registered as " + name;
  if (mirror == "incomplete")
    return "not registered: not all files of the revision are there";
  if (mirror == "restricted")
    return "not registered: the origin gives it to a token alone";
  if (mirror == "refused")
    return "not registered: the registry does not take it";
  return "not registered yet: the node tries again";
}

outcome<void> report(const context& ctx, const json& status) {
  const auto state = member_text(status, "state");
  if (ctx.json)
    print_json(status);
  else if (state == "done")
    fmt::print("preheated {}@{}: {} in {} files\n{}\n", member_text(status, "id"),
               member_text(status, "rev"), human_size(member_number(status, "size_bytes")),
               member_number(status, "files"), about_swarm(status));
  else
    fmt::print("{} {}@{} {}\n", state, member_text(status, "id"), member_text(status, "rev"),
               member_text(status, "preheat"));
  if (state == "failed")
    return refuse(exit_code::refused, member_text(status, "error"));
  return {};
}

outcome<void> run(const context& ctx, const preheat_options& options) {
  auto client = ctx.client();
  client.send_key_always();
  auto status = options.cancel.empty() ? begin(client, options) : cancel(client, options.cancel);
  if (!status)
    return tl::unexpected<failure>(status.error());
  if (!options.no_wait && !is_over(*status)) {
    catch_interrupts();
    client.stop_when(interrupted());
    const auto id = member_text(*status, "preheat");
    status = follow(ctx, client, std::move(*status));
    if (interrupted())
      return refuse(exit_code::interrupted,
                    "the node goes on; `shoal preheat --cancel " + id + "` ends it");
    if (!status)
      return tl::unexpected<failure>(status.error());
  }
  return report(ctx, *status);
}

} // namespace

void add_preheat(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("preheat", "Have a node bring a revision from its origin");
  command->footer("Ends when all is there and has torrents; without the command the node goes on "
                  "all the same, and the same command watches again.");
  auto options = std::make_shared<preheat_options>();
  command->add_option("revision", options->about, "NS/NAME@REV; without @REV: main")
      ->type_name("NS/NAME@REV");
  command->add_option("--include", options->include, "Only files like that, e.g. '*.safetensors'")
      ->type_name("PATTERN")
      ->expected(1)
      ->take_all();
  command->add_option("--kind", options->kind, "model, dataset or space")
      ->check(CLI::IsMember({"model", "dataset", "space"}))
      ->capture_default_str();
  command->add_flag("--no-wait", options->no_wait, "Begin, and say its id");
  command->add_option("--cancel", options->cancel, "End the preheat of that id")->type_name("ID");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
