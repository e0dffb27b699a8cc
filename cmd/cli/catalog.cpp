// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/target.hpp"

namespace shoal::cli {

namespace {

outcome<void> print_document(const context& ctx, const std::string& path) {
  auto client = ctx.client();
  auto doc = client.fetch_json(path);
  if (!doc)
    return tl::unexpected<failure>(doc.error());
  print_json(*doc);
  return {};
}

/// A command about one revision that prints the JSON found at `path`.
void add_revision_command(CLI::App& app, context& ctx, const char* name, const char* what,
                          std::function<std::string(const target&)> path) {
  auto* command = app.add_subcommand(name, what);
  auto options = std::make_shared<target_options>();
  options->add_to(*command, false);
  ctx.on_run(*command, [&ctx, options, path = std::move(path)]() -> outcome<void> {
    auto client = ctx.client();
    auto about = resolve(*options, client);
    if (!about)
      return tl::unexpected<failure>(about.error());
    return print_document(ctx, path(*about));
  });
}

} // namespace

void add_catalog(CLI::App& app, context& ctx) {
  auto* catalog = app.add_subcommand("catalog", "List catalog entries as JSON");
  auto query = std::make_shared<std::string>();
  catalog->add_option("--query", *query, "Only ids that contain this");
  ctx.on_run(*catalog, [&ctx, query] {
    return print_document(ctx, "/api/v1/catalog" + query_string({{"query", *query}}));
  });
  add_revision_command(app, ctx, "model", "Print a revision's files as JSON",
                       [](const target& about) { return about.api_path(); });
  add_revision_command(
      app, ctx, "bootstrap", "Print peers and trackers of a revision as JSON",
      [](const target& about) {
        return "/api/v1/bootstrap" + query_string({{"model", about.id.str()}, {"rev", about.rev}});
      });
  add_revision_command(app, ctx, "health", "Print the health of a revision's swarm as JSON",
                       [](const target& about) {
                         return "/api/v1/health/swarm"
                                + query_string({{"model", about.id.str()}, {"rev", about.rev}});
                       });
}

} // namespace shoal::cli
