// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/session_flags.hpp"

#include <charconv>

namespace shoal::cli {

namespace {

/// "500000", "500K", "20M": bytes per second.
std::string parse_rate(const std::string& text, int& out) {
  uint64_t value = 0;
  const auto [rest, err] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  if (unit == "K" || unit == "k")
    value *= 1024;
  else if (unit == "M" || unit == "m")
    value *= 1024 * 1024;
  else if (!unit.empty())
    value = 0;
  if (err != std::errc{} || value < 1024 || value > 2'000'000'000)
    return "must be bytes per second, e.g. 500K or 20M";
  out = static_cast<int>(value);
  return {};
}

} // namespace

void add_rate(CLI::App& command, const std::string& name, int& out, const std::string& help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &out](const std::string& text) {
            if (auto trouble = parse_rate(text, out); !trouble.empty())
              throw CLI::ValidationError(name, trouble);
          },
          help)
      ->type_name("RATE");
}

void add_session_flags(CLI::App& command, get::session_options& session) {
  command.add_flag_callback(
      "--no-dht", [&session] { session.dht = false; }, "Find no peers by the DHT");
  command.add_flag_callback(
      "--no-lan", [&session] { session.local_discovery = false; },
      "Find no peers by multicast, and open no port at the router");
  command.add_option("--listen", session.listen, "Where peers can connect to")
      ->type_name("ADDRESS:PORT,...")
      ->capture_default_str();
  command.add_option("--dht-node", session.dht_nodes, "Enter the DHT here; may be repeated")
      ->type_name("HOST:PORT")
      ->allow_extra_args(false);
  add_rate(command, "--limit-up", session.upload_bytes_per_second, "Give no faster");
}

} // namespace shoal::cli
