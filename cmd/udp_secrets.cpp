// SPDX-License-Identifier: Apache-2.0
#include "cmd/udp_secrets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace shoal::cmd {

namespace {

/// The current one and the one before.
constexpr size_t secrets_max = 2;

/// Reads no more than it takes to see that there are too many. Blanks around a secret are none of
/// it: editors and templates leave them.
result<std::vector<std::string>> read_lines(const std::string& path) {
  constexpr auto blanks = " \t\r";
  std::ifstream in{path};
  std::vector<std::string> lines;
  for (std::string line; lines.size() <= secrets_max && std::getline(in, line);) {
    auto begin = line.find_first_not_of(blanks);
    if (begin != std::string::npos)
      lines.push_back(line.substr(begin, line.find_last_not_of(blanks) + 1 - begin));
  }
  if (!in.is_open() || in.bad())
    return fail(ec::invalid_argument, "udp-secret-file: " + path + ": " + std::strerror(errno));
  if (lines.empty() || lines.size() > secrets_max)
    return fail(ec::invalid_argument,
                "udp-secret-file: " + path + " must hold one or two secrets, one per line");
  return lines;
}

} // namespace

result<std::vector<std::string>> udp_secrets(const udp::udp_config& config) {
  auto& given = config.secrets;
  auto empty = [](const std::string& text) { return text.empty(); };
  if (given.size() > secrets_max || std::any_of(given.begin(), given.end(), empty))
    return fail(ec::invalid_argument, "udp-secret takes one or two secrets");
  if (config.secret_file.empty())
    return given;
  if (!given.empty())
    return fail(ec::invalid_argument, "udp-secret and udp-secret-file exclude each other");
  return read_lines(config.secret_file);
}

} // namespace shoal::cmd
