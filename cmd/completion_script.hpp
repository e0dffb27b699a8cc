// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace shoal::cmd {

/// Prints a script that completes the commands and options of `app` under its name. The command
/// "completion" takes a shell.
/// @param shell "bash", "zsh" or "fish".
void print_completion(const CLI::App& app, const std::string& shell);

} // namespace shoal::cmd
