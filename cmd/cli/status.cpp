// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

outcome<void> run(const context& ctx) {
  auto client = ctx.client();
  http_request request;
  request.path = "/health";
  auto health = client.send(request);
  if (!health)
    return tl::unexpected<failure>(health.error());
  auto stats = client.fetch_json("/api/stats");
  if (!stats && stats.error().code != exit_code::refused)
    return tl::unexpected<failure>(stats.error());
  if (ctx.json) {
    print_json({{"server", client.base_url()},
                {"healthy", health->is_success()},
                {"stats", stats ? *stats : nlohmann::json()}});
  } else {
    fmt::print("{:<24} {}\n", client.base_url(), health->is_success() ? "healthy" : "NOT HEALTHY");
    if (stats && stats->is_object())
      for (auto& [name, value] : stats->items())
        fmt::print("  {:<22} {}\n", safe_text(name), member_text(*stats, name.c_str()));
  }
  if (!health->is_success())
    return tl::unexpected<failure>(describe_refusal(*health));
  return {};
}

} // namespace

void add_status(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("status", "Tell whether the server is well, and its counts");
  ctx.on_run(*command, [&ctx] { return run(ctx); });
}

} // namespace shoal::cli
