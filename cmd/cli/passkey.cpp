// SPDX-License-Identifier: Apache-2.0
#include "protocol/passkey.hpp"

#include "cmd/cli/commands.hpp"
#include "cmd/cli/output.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

struct passkey_options {
  std::string user;
  std::string secret;
};

outcome<void> run(const context& ctx, const passkey_options& options) {
  const auto passkey = make_passkey(options.secret, options.user);
  if (!passkey)
    return refuse(exit_code::usage, to_string(passkey.error()));
  if (ctx.json)
    print_json({{"user", options.user}, {"passkey", *passkey}});
  else
    fmt::print("{}\n", *passkey);
  return {};
}

} // namespace

void add_passkey(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("passkey", "Print a user's passkey for /announce/PASSKEY");
  command->footer("Prefer TRACKER_SECRET: other users of this machine can read command lines.");
  auto options = std::make_shared<passkey_options>();
  command->add_option("user", options->user, "User id; dots are fine")
      ->required()
      ->type_name("USER");
  command->add_option("--secret", options->secret, "The tracker's secret")
      ->envname("TRACKER_SECRET")
      ->required();
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
