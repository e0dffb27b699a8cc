// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/commands.hpp"

#include <fmt/format.h>

namespace shoal::cli {

namespace {

struct command_words {
  std::string name;
  std::string description;
  std::vector<std::string> options; ///< "--long" and "-s", in order.
};

std::vector<std::string> option_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (auto* option : app.get_options()) {
    for (auto& name : option->get_lnames())
      words.push_back("--" + name);
    for (auto& name : option->get_snames())
      words.push_back("-" + name);
  }
  return words;
}

std::vector<command_words> commands_of(const CLI::App& app) {
  std::vector<command_words> all;
  for (auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    auto words = option_words(*command);
    const auto global = option_words(app);
    words.insert(words.end(), global.begin(), global.end());
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    all.push_back({command->get_name(), command->get_description(), std::move(words)});
  }
  return all;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

/// Single quotes for any of the three shells; our descriptions have no backslashes.
std::string quoted(std::string text) {
  for (size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4)
    text.replace(at, 1, "'\\''");
  return "'" + text + "'";
}

void print_bash(const CLI::App& app) {
  fmt::print("# Put this into ~/.bashrc:  eval \"$(shoal completion bash)\"\n"
             "_shoal() {{\n"
             "  local current=${{COMP_WORDS[COMP_CWORD]}} command= word words\n"
             "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
             "    case $word in\n");
  std::vector<std::string> names;
  for (auto& command : commands_of(app))
    names.push_back(command.name);
  fmt::print("      {}) command=$word; break ;;\n    esac\n  done\n  case $command in\n",
             fmt::join(names, "|"));
  for (auto& command : commands_of(app))
    fmt::print(
        "    {}) words={} ;;\n", command.name,
        quoted((command.name == "completion" ? "bash zsh fish " : "") + joined(command.options)));
  fmt::print("    *) words={} ;;\n  esac\n",
             quoted(joined(names) + " " + joined(option_words(app))));
  fmt::print("  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
             "}}\n"
             "complete -o default -F _shoal shoal\n");
}

void print_zsh(const CLI::App& app) {
  fmt::print("#compdef shoal\n"
             "# Save this as _shoal in a folder of $fpath, or:  source <(shoal completion zsh)\n"
             "_shoal() {{\n"
             "  local command=${{words[(r)(");
  std::vector<std::string> names;
  for (auto& command : commands_of(app))
    names.push_back(command.name);
  fmt::print("{})]}}\n  case $command in\n", fmt::join(names, "|"));
  for (auto& command : commands_of(app))
    fmt::print("    {})\n      if [[ $PREFIX == -* ]]; then compadd -- {}\n      else {}; fi ;;\n",
               command.name, joined(command.options),
               command.name == "completion" ? "compadd bash zsh fish" : "_files");
  fmt::print("    *)\n      local -a commands=(\n");
  for (auto& command : commands_of(app))
    fmt::print("        {}\n", quoted(command.name + ":" + command.description));
  fmt::print(
      "      )\n"
      "      if [[ $PREFIX == -* ]]; then compadd -- {}\n"
      "      else _describe command commands; fi ;;\n"
      "  esac\n"
      "}}\n"
      "if [[ $funcstack[1] == _shoal ]]; then _shoal \"$@\"; else compdef _shoal shoal; fi\n",
      joined(option_words(app)));
}

void print_fish(const CLI::App& app) {
  fmt::print("# Save this as ~/.config/fish/completions/shoal.fish\n");
  for (auto& command : commands_of(app)) {
    fmt::print("complete -c shoal -f -n __fish_use_subcommand -a {} -d {}\n", command.name,
               quoted(command.description));
    for (auto& option : command.options)
      fmt::print("complete -c shoal -n '__fish_seen_subcommand_from {}' {} {}\n", command.name,
                 option.starts_with("--") ? "-l" : "-s",
                 option.substr(option.starts_with("--") ? 2 : 1));
  }
  fmt::print("complete -c shoal -f -n '__fish_seen_subcommand_from completion' "
             "-a 'bash zsh fish'\n");
}

outcome<void> run(const CLI::App& app, const std::string& shell) {
  if (shell == "bash")
    print_bash(app);
  else if (shell == "zsh")
    print_zsh(app);
  else
    print_fish(app);
  return {};
}

} // namespace

void add_completion(CLI::App& app, context& ctx) {
  auto* command = app.add_subcommand("completion", "Print a completion script for your shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  ctx.on_run(*command, [&app, shell] { return run(app, *shell); });
}

} // namespace shoal::cli
