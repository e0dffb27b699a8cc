// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/cli/target.hpp"

#include <fmt/format.h>

#include <iostream>
#include <unistd.h>

namespace shoal::cli {

namespace {

struct rm_options {
  target_options about;
  std::string reason;
  bool yes = false;
};

/// Asks a person; scripts are not asked.
bool is_confirmed(const context& ctx, const rm_options& options, const target& about) {
  if (options.yes || ctx.json || !::isatty(STDIN_FILENO) || !::isatty(STDERR_FILENO))
    return true;
  fmt::print(stderr,
             "Remove {}? Its info-hashes stay blocked until an operator unblocks them. [y/N] ",
             about.str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

outcome<void> run(const context& ctx, const rm_options& options) {
  auto client = ctx.client();
  auto about = resolve(options.about, client);
  if (!about)
    return tl::unexpected<failure>(about.error());
  if (!is_confirmed(ctx, options, *about))
    return refuse(exit_code::usage, "nothing was removed");
  http_request request;
  request.method = "DELETE";
  request.path = about->is_hash()
                     ? "/api/registry"
                           + query_string({{"info_hash", about->hash}, {"reason", options.reason}})
                     : about->api_path() + query_string({{"reason", options.reason}});
  auto answer = client.send_ok(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (ctx.json)
    print_json({{"removed", about->str()}});
  else
    fmt::print("removed {}\n", about->str());
  return {};
}

} // namespace

void add_rm(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("rm", "Remove a revision or a registered torrent");
  auto options = std::make_shared<rm_options>();
  options->about.allows_latest = false;
  options->about.add_to(*command, true);
  command->add_option("--reason", options->reason, "Kept with the blocked hash");
  command->add_flag("-y,--yes", options->yes, "Do not ask");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
