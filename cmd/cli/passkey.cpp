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

/// Asks the server, which has the secret.
outcome<std::string> fetch_passkey(const context& ctx, const std::string& user) {
  auto client = ctx.client();
  http_request request;
  request.method = "POST";
  request.path = "/api/admin/passkey" + query_string({{"user", user}});
  auto answer = client.send_ok(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  auto passkey = member_text(nlohmann::json::parse(answer->body, nullptr, false), "passkey");
  if (passkey.empty())
    return refuse(exit_code::refused, answer->url + ": the answer has no passkey");
  return passkey;
}

outcome<std::string> passkey_of(const context& ctx, const passkey_options& options) {
  if (options.secret.empty())
    return fetch_passkey(ctx, options.user);
  auto made = make_passkey(options.secret, options.user);
  if (!made)
    return refuse(exit_code::usage, to_string(made.error()));
  return std::move(*made);
}

outcome<void> run(const context& ctx, const passkey_options& options) {
  const auto passkey = passkey_of(ctx, options);
  if (!passkey)
    return tl::unexpected<failure>(passkey.error());
  if (ctx.json)
    print_json({{"user", options.user}, {"passkey", *passkey}});
  else
    fmt::print("{}\n", *passkey);
  return {};
}

} // namespace

void add_passkey(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("passkey", "Print a user's passkey for /announce/PASSKEY");
  command->footer("Without a secret the server is asked, which wants the admin key (SHOAL_KEY).\n"
                  "Prefer TRACKER_SECRET: other users of this machine can read command lines.");
  auto options = std::make_shared<passkey_options>();
  command->add_option("user", options->user, "User id; dots are fine")
      ->required()
      ->type_name("USER");
  command->add_option("--secret", options->secret, "The tracker's secret")
      ->envname("TRACKER_SECRET");
  ctx.on_run(*command, [&ctx, options] { return run(ctx, *options); });
}

} // namespace shoal::cli
