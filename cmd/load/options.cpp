// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/options.hpp"

#include "cmd/completion_script.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace shoal::load {

namespace {

constexpr auto footer_text
    = "Exit codes:\n"
      "  0  done; all answers were right and no more were lost than --max-loss allows\n"
      "  1  answers were wrong, or too many were lost\n"
      "  2  wrong usage, or nothing answers at the target\n"
      "\n"
      "Load only servers that are yours. Clients get addresses of their own where the target is a\n"
      "loopback address; elsewhere they share the address of this machine.\n";

struct raw_options {
  std::vector<std::string> targets;
  std::string mix;
  std::string get_file;
  double seconds = 10;
  double timeout_s = 2;
};

std::optional<endpoint> parse_target(const std::string& text) {
  auto colon = text.rfind(':');
  if (colon == std::string::npos)
    return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  auto address = ip_address::parse(host == "localhost" ? "127.0.0.1" : host);
  auto port = std::strtoul(text.c_str() + colon + 1, nullptr, 10);
  if (!address || port < 1 || port > 65535)
    return std::nullopt;
  return endpoint{*address, static_cast<uint16_t>(port)};
}

void add_bounds(CLI::App& app, load_options& o, raw_options& raw) {
  app.add_option("--seconds", raw.seconds, "Measure for this long")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_option("--requests", o.requests, "Stop after so many requests; 0 is no bound");
  app.add_option("--rate", o.rate, "Requests per second at most; 0 is as fast as answers come");
  app.add_option("--in-flight", o.in_flight, "Requests without an answer at once")
      ->check(CLI::Range(1u, 60'000u))
      ->capture_default_str();
  app.add_option("--timeout", raw.timeout_s, "Seconds after which an answer is lost")
      ->check(CLI::Range(0.05, 60.0))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "Threads that send")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  app.add_option("--max-loss", o.max_loss_percent, "Percentage of lost answers that is no failure")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
}

void add_population(CLI::App& app, load_options& o) {
  auto positive = CLI::Range(uint64_t{1}, uint64_t{1} << 31);
  app.add_option("--swarms", o.swarms, "Info-hashes")->check(positive)->capture_default_str();
  app.add_option("--peers", o.peers, "Peers of each swarm")->check(positive)->capture_default_str();
  app.add_option("--seeds", o.seeds_percent, "Percentage of peers that have everything")
      ->check(CLI::Range(0u, 100u))
      ->capture_default_str();
  app.add_option("--numwant", o.numwant, "Peers wanted with each announce")
      ->check(CLI::Range(0u, 1000u))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "Another number makes other swarms and peers")
      ->capture_default_str();
}

void add_mix(CLI::App& app, load_options& o, raw_options& raw, const char* standard) {
  raw.mix = standard;
  app.add_option("--mix", raw.mix,
                 "connect, announce or scrape alone, or their weights like 20:78:2")
      ->capture_default_str();
  app.add_option("--scrape-hashes", o.scrape_hashes, "Info-hashes in each scrape")
      ->check(CLI::Range(1u, 74u))
      ->capture_default_str();
  app.add_flag("--churn", o.churn, "Peers start, complete and stop now and then");
  app.add_option("--passkey", o.passkey, "Comes last in the path: /announce/PASSKEY");
  app.add_flag("--prefill", o.prefill, "Announce each peer once before measuring");
  app.add_flag("--prefill-only", o.prefill_only, "... and measure nothing");
}

void add_environment(CLI::App& app, load_options& o) {
  app.add_option("--sources", o.sources, "Client addresses, where the target is loopback")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  app.add_option("--v6-share", o.v6_percent, "Percentage of clients at v6 targets, beside v4")
      ->check(CLI::Range(0u, 100u))
      ->capture_default_str();
  app.add_option("--hostile", o.hostile_percent, "Percentage of malformed requests on top")
      ->check(CLI::Range(0u, 90u));
  app.add_option("--server-pid", o.server_pid, "Read CPU time and memory of this process")
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", o.json, "Print JSON");
}

void add_streams(CLI::App& app, load_options& o) {
  app.add_option("--connections", o.connections, "Connections at once")
      ->check(CLI::Range(1u, 200'000u))
      ->capture_default_str();
  app.add_flag("--tls", o.tls, "Speak TLS; certificates are not verified");
}

CLI::App* add_udp(CLI::App& app, load_options& o, raw_options& raw) {
  auto* udp = app.add_subcommand("udp", "Load a UDP tracker (BEP 15, BEP 41)");
  udp->add_option("--invalid-ids", o.invalid_percent,
                  "Percentage of announces with a connection id that nobody issued; with the "
                  "default mix 2")
      ->check(CLI::Range(0u, 90u));
  add_mix(*udp, o, raw, "20:78:2");
  return udp;
}

CLI::App* add_http(CLI::App& app, load_options& o, raw_options& raw) {
  auto* http = app.add_subcommand("http", "Load an HTTP tracker, or any path of a server");
  add_mix(*http, o, raw, "0:98:2");
  add_streams(*http, o);
  http->add_flag("--close", o.close, "A new connection for each request");
  http->add_option("--pipeline", o.pipeline, "Requests on a connection before their answers")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  http->add_option("--get", o.get_path, "Ask for this path instead of announcing")
      ->type_name("PATH");
  http->add_option("--get-file", raw.get_file, "Ask for the paths in this file, one per line")
      ->check(CLI::ExistingFile);
  return http;
}

CLI::App* add_ws(CLI::App& app, load_options& o, raw_options& raw) {
  auto* ws = app.add_subcommand("ws", "Load a WebSocket tracker (WebTorrent)");
  add_mix(*ws, o, raw, "0:98:2");
  add_streams(*ws, o);
  ws->add_option("--offers", o.offers, "WebRTC offers with each announce")
      ->check(CLI::Range(0u, 20u))
      ->capture_default_str();
  ws->add_flag("--idle", o.idle, "Announce once on each connection, then stay silent");
  return ws;
}

CLI::App* add_completion(CLI::App& app, std::string& shell) {
  auto* completion = app.add_subcommand("completion", "Print a completion script for your shell");
  completion->add_option("shell", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  return completion;
}

bool complain(const std::string& why, int& exit_code) {
  std::fprintf(stderr, "shoal-load: %s\n", why.c_str());
  exit_code = 2;
  return false;
}

bool read_paths(const raw_options& raw, load_options& o) {
  if (raw.get_file.empty())
    return true;
  std::ifstream file{raw.get_file};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with('/'))
      o.get_paths.push_back(line);
  return !o.get_paths.empty();
}

/// What no single option can tell.
bool settle(const raw_options& raw, load_options& o, int& exit_code) {
  for (auto& text : raw.targets) {
    auto target = parse_target(text);
    if (!target)
      return complain("\"" + text + "\" is no ADDRESS:PORT", exit_code);
    o.targets.push_back(*target);
  }
  auto mix = request_mix::parse(raw.mix);
  if (!mix)
    return complain("\"" + raw.mix + "\" is no mix", exit_code);
  if (o.over != transport::udp && mix->connect > 0)
    return complain("only UDP has connect requests", exit_code);
  if (!read_paths(raw, o))
    return complain("no line of " + raw.get_file + " begins with a slash", exit_code);
  o.mix = *mix;
  o.duration = std::chrono::milliseconds{static_cast<int64_t>(raw.seconds * 1000)};
  o.timeout = std::chrono::milliseconds{static_cast<int64_t>(raw.timeout_s * 1000)};
  o.prefill |= o.prefill_only || o.idle;
  return true;
}

} // namespace

std::optional<request_mix> request_mix::parse(const std::string& text) {
  if (text == "connect")
    return request_mix{1, 0, 0};
  if (text == "announce")
    return request_mix{0, 1, 0};
  if (text == "scrape")
    return request_mix{0, 0, 1};
  request_mix mix;
  int used = 0;
  if (std::sscanf(text.c_str(), "%5u:%5u:%5u%n", &mix.connect, &mix.announce, &mix.scrape, &used)
          != 3
      || static_cast<size_t>(used) != text.size() || mix.sum() == 0)
    return std::nullopt;
  return mix;
}

std::optional<command_line> parse_command_line(int argc, char** argv, int& exit_code) {
  CLI::App app("Load a BitTorrent tracker and tell what it can bear", "shoal-load");
  command_line line;
  auto& o = line.options;
  raw_options raws[3];
  CLI::App* transports[]
      = {add_udp(app, o, raws[0]), add_http(app, o, raws[1]), add_ws(app, o, raws[2])};
  for (size_t i = 0; i < std::size(transports); ++i) {
    auto& command = *transports[i];
    command
        .add_option("TARGET", raws[i].targets, "ADDRESS:PORT, e.g. 127.0.0.1:8080 or [::1]:8080")
        ->required();
    add_bounds(command, o, raws[i]);
    add_population(command, o);
    add_environment(command, o);
  }
  auto* hashes = app.add_subcommand("hashes", "Print the info-hashes, for a tracker's whitelist");
  add_population(*hashes, o);
  std::string shell;
  auto* completion = add_completion(app, shell);
  app.require_subcommand(1);
  app.set_version_flag("--version", "shoal-load " SHOAL_VERSION);
  app.footer(footer_text);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& err) {
    exit_code = app.exit(err) == 0 ? 0 : 2;
    return std::nullopt;
  }
  if (completion->parsed()) {
    cmd::print_completion(app, shell);
    exit_code = 0;
    return std::nullopt;
  }
  if (hashes->parsed()) {
    line.what = command::hashes;
    return line;
  }
  auto chosen = std::find_if(std::begin(transports), std::end(transports),
                             [](auto* command) { return command->parsed(); });
  auto index = static_cast<size_t>(chosen - std::begin(transports));
  o.over = static_cast<transport>(index);
  if ((*chosen)->count("--mix") == 0 && o.over == transport::udp
      && (*chosen)->count("--invalid-ids") == 0)
    o.invalid_percent = 2;
  // A WebSocket is in one swarm: ten for each, unless somebody says otherwise.
  if (o.over == transport::ws && (*chosen)->count("--swarms") == 0)
    o.swarms = std::max(1u, o.connections / 10);
  if (!settle(raws[index], o, exit_code))
    return std::nullopt;
  return line;
}

} // namespace shoal::load
