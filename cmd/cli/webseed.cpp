// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/fetch_report.hpp"
#include "cmd/cli/local_file.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/target.hpp"
#include "protocol/percent.hpp"

namespace shoal::cli {

namespace {

struct webseed_options {
  target_options about;
  std::string path;
  std::string output;
};

outcome<void> run(const context& ctx, const webseed_options& options) {
  auto client = ctx.client();
  auto about = resolve(options.about, client);
  if (!about)
    return tl::unexpected<failure>(about.error());
  if (!is_safe_path(options.path))
    return refuse(exit_code::usage, "not a path of a file: " + safe_text(options.path));
  http_request request;
  request.path
      = "/webseed/" + about->id.str() + "/" + about->rev + "/" + percent_encode_path(options.path);
  return fetch_and_report(ctx, client, std::move(request), options.output);
}

} // namespace

void add_webseed(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("webseed", "Fetch one file from the web seed");
  auto options = std::make_shared<webseed_options>();
  options->about.add_to(*command, false);
  command->add_option("--path", options->path, "The file's path inside the revision")->required();
  command->add_option("-o,--output", options->output, "Save it here; - is stdout");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
