// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"
#include "cmd/completion_script.hpp"

namespace shoal::cli {

void add_completion(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("completion", "Print a completion script for your shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  ctx.on_run(*command, [&app, shell]() -> outcome<void> {
    cmd::print_completion(app, *shell);
    return {};
  });
}

} // namespace shoal::cli
