// SPDX-License-Identifier: Apache-2.0
#include "cmd/completion_script.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace shoal::cmd {

namespace {

struct command_words {
  std::string name;
  std::string description;
  std::vector<std::string> options;   ///< "--long" and "-s", in order.
  std::vector<std::string> arguments; ///< What may come first; empty: anything, e.g. a file.
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

/// @returns what the command's first argument may be, if that is known.
std::vector<std::string> argument_words(const CLI::App& command) {
  if (command.get_name() == "completion")
    return {"bash", "zsh", "fish"};
  std::vector<std::string> words;
  for (auto* below : command.get_subcommands([](const CLI::App*) { return true; }))
    words.push_back(below->get_name());
  return words;
}

std::vector<command_words> commands_of(const CLI::App& app) {
  std::vector<command_words> all;
  for (auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    auto words = option_words(*command);
    auto add = [&words](const CLI::App& of) {
      const auto more = option_words(of);
      words.insert(words.end(), more.begin(), more.end());
    };
    add(app);
    for (auto* below : command->get_subcommands([](const CLI::App*) { return true; }))
      add(*below);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    all.push_back({command->get_name(), command->get_description(), std::move(words),
                   argument_words(*command)});
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

/// "shoal-load" is no name of a function in all shells.
std::string function_name(const CLI::App& app) {
  auto name = "_" + app.get_name();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void print_bash(const CLI::App& app) {
  auto program = app.get_name();
  auto function = function_name(app);
  fmt::print("# Put this into ~/.bashrc:  eval \"$({} completion bash)\"\n"
             "{}() {{\n"
             "  local current=${{COMP_WORDS[COMP_CWORD]}} command= word words\n"
             "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
             "    case $word in\n",
             program, function);
  std::vector<std::string> names;
  for (auto& command : commands_of(app))
    names.push_back(command.name);
  fmt::print("      {}) command=$word; break ;;\n    esac\n  done\n  case $command in\n",
             fmt::join(names, "|"));
  for (auto& command : commands_of(app))
    fmt::print("    {}) words={} ;;\n", command.name,
               quoted(joined(command.arguments) + (command.arguments.empty() ? "" : " ")
                      + joined(command.options)));
  fmt::print("    *) words={} ;;\n  esac\n",
             quoted(joined(names) + " " + joined(option_words(app))));
  fmt::print("  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
             "}}\n"
             "complete -o default -F {} {}\n",
             function, program);
}

void print_zsh(const CLI::App& app) {
  auto program = app.get_name();
  auto function = function_name(app);
  fmt::print("#compdef {0}\n"
             "# Save this as {1} in a folder of $fpath, or:  source <({0} completion zsh)\n"
             "{1}() {{\n"
             "  local command=${{words[(r)(",
             program, function);
  std::vector<std::string> names;
  for (auto& command : commands_of(app))
    names.push_back(command.name);
  fmt::print("{})]}}\n  case $command in\n", fmt::join(names, "|"));
  for (auto& command : commands_of(app))
    fmt::print("    {})\n      if [[ $PREFIX == -* ]]; then compadd -- {}\n      else {}; fi ;;\n",
               command.name, joined(command.options),
               command.arguments.empty() ? "_files" : "compadd " + joined(command.arguments));
  fmt::print("    *)\n      local -a commands=(\n");
  for (auto& command : commands_of(app))
    fmt::print("        {}\n", quoted(command.name + ":" + command.description));
  fmt::print("      )\n"
             "      if [[ $PREFIX == -* ]]; then compadd -- {0}\n"
             "      else _describe command commands; fi ;;\n"
             "  esac\n"
             "}}\n"
             "if [[ $funcstack[1] == {1} ]]; then {1} \"$@\"; else compdef {1} {2}; fi\n",
             joined(option_words(app)), function, program);
}

void print_fish(const CLI::App& app) {
  auto program = app.get_name();
  fmt::print("# Save this as ~/.config/fish/completions/{}.fish\n", program);
  for (auto& command : commands_of(app)) {
    fmt::print("complete -c {} -f -n __fish_use_subcommand -a {} -d {}\n", program, command.name,
               quoted(command.description));
    for (auto& option : command.options)
      fmt::print("complete -c {} -n '__fish_seen_subcommand_from {}' {} {}\n", program,
                 command.name, option.starts_with("--") ? "-l" : "-s",
                 option.substr(option.starts_with("--") ? 2 : 1));
    if (!command.arguments.empty())
      fmt::print("complete -c {} -f -n '__fish_seen_subcommand_from {}' -a '{}'\n", program,
                 command.name, joined(command.arguments));
  }
}

} // namespace

void print_completion(const CLI::App& app, const std::string& shell) {
  if (shell == "bash")
    print_bash(app);
  else if (shell == "zsh")
    print_zsh(app);
  else
    print_fish(app);
}

} // namespace shoal::cmd
