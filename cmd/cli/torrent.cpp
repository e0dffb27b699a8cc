// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/fetch_report.hpp"
#include "cmd/cli/target.hpp"

namespace shoal::cli {

namespace {

struct torrent_command_options {
  target_options about;
  std::string format;
  std::string output;
};

std::string default_output(const target& about) {
  return (about.is_hash() ? about.hash : about.id.name + "-" + about.rev) + ".torrent";
}

outcome<void> run(const context& ctx, const torrent_command_options& options) {
  auto client = ctx.client();
  auto about = resolve(options.about, client);
  if (!about)
    return tl::unexpected<failure>(about.error());
  http_request request;
  request.path = about->torrent_path(options.format);
  // hf-bt's helper, whose options these are, saves nothing.
  const bool saves = !options.about.positional.empty() && options.output.empty();
  return fetch_and_report(ctx, client, std::move(request),
                          saves ? default_output(*about) : options.output);
}

} // namespace

void add_torrent(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("torrent", "Save the .torrent file of a revision");
  command->footer(
      "With --model and --rev, and without -o, nothing is saved: the size, the type and "
      "the first bytes are shown.");
  auto options = std::make_shared<torrent_command_options>();
  options->about.add_to(*command, true);
  command->add_option("--format", options->format, "hybrid, v1 or v2 (default: the server's)")
      ->check(CLI::IsMember({"hybrid", "v1", "v2"}));
  command->add_option("-o,--output", options->output,
                      "Save it here; - is stdout (default: NAME-REV.torrent)");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
