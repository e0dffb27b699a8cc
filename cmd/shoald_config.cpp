// SPDX-License-Identifier: Apache-2.0
#include "cmd/shoald_config.hpp"

#include "cmd/shoald_options.hpp"
#include "cmd/udp_secrets.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <unistd.h>

namespace shoal::cmd {

namespace {

/// What a file says about one key.
struct assignment {
  std::vector<std::string> texts;
  bool all_strings = true;
  bool all_scalars = true; ///< No dates, no lists in lists.
};

using assignments = std::map<std::string, assignment>; // By key.

std::string scalar_text(const toml::node& node) {
  if (auto s = node.value<std::string>(); s && node.is_string())
    return *s;
  if (auto b = node.as_boolean())
    return b->get() ? "true" : "false";
  if (auto i = node.as_integer())
    return std::to_string(i->get());
  if (auto f = node.as_floating_point())
    return fmt::format("{}", f->get());
  return {};
}

void add_scalar(const toml::node& node, assignment& out) {
  out.all_strings = out.all_strings && node.is_string();
  out.all_scalars
      = out.all_scalars
        && (node.is_string() || node.is_boolean() || node.is_integer() || node.is_floating_point());
  out.texts.push_back(scalar_text(node));
}

/// Flattens a file's tables to "section.key".
void flatten(const toml::table& from, const std::string& prefix, assignments& out) {
  for (auto& [name, node] : from) {
    auto key = prefix + std::string{name.str()};
    if (auto* section = node.as_table()) {
      flatten(*section, key + ".", out);
    } else if (auto* list = node.as_array()) {
      auto& all = out[key];
      for (auto& x : *list)
        add_scalar(x, all);
    } else {
      add_scalar(node, out[key]);
    }
  }
}

result<void> assign(const option& o, const std::vector<std::string>& texts,
                    std::string_view where) {
  if (!o.list && texts.size() != 1)
    return fail(ec::invalid_argument, fmt::format("{} takes one value", where));
  if (auto set = o.set(texts); !set)
    return fail(ec::invalid_argument, fmt::format("{}: {}", where, set.error().detail));
  return {};
}

result<void> read_file(const std::string& path, const std::vector<option>& table) {
  assignments found;
  try {
    flatten(toml::parse_file(path), "", found);
  } catch (const toml::parse_error& e) {
    return fail(ec::invalid_argument,
                fmt::format("{}:{}: {}", path, e.source().begin.line, e.description()));
  }
  for (auto& [key, value] : found) {
    auto same = [&key = key](const option& o) { return o.key == key; };
    auto o = std::find_if(table.begin(), table.end(), same);
    if (o == table.end())
      return fail(ec::invalid_argument, fmt::format("{}: unknown key \"{}\"", path, key));
    if (!value.all_scalars || (o->quoted && !value.all_strings))
      return fail(ec::invalid_argument,
                  fmt::format("{}: {} takes {}{}", path, key, o->list ? "a list of " : "",
                              o->quoted ? "text in quotes" : "one plain value"));
    if (auto set = assign(*o, value.texts, path + ": " + key); !set)
      return set;
  }
  return {};
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= text.size()) {
    auto end = std::min(text.find(',', start), text.size());
    if (end > start)
      parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

result<void> read_environment(const std::vector<option>& table, shoald_config& c) {
  for (auto& o : table)
    for (auto i = o.env.rbegin(); i != o.env.rend(); ++i) { // Our own name last: it wins.
      auto* text = std::getenv(i->c_str());
      if (!text)
        continue;
      auto texts = o.list ? split_list(text) : std::vector<std::string>{text};
      if (auto set = assign(o, texts, *i); !set)
        return set;
    }
  // How Weightless and Spring name the port; ours names addresses as well.
  for (auto* name : {"PORT", "SERVER_PORT"}) {
    auto* text = std::getenv(name);
    if (!text || std::getenv("SHOAL_LISTEN"))
      continue;
    auto listen = parse_listen(std::string{":"} + text);
    if (!listen)
      return fail(ec::invalid_argument, fmt::format("{}: \"{}\" is no port", name, text));
    c.http.listen = *listen;
  }
  return {};
}

result<void> unstage_intervals(const staging& s, interval_config& out) {
  auto seconds = [](std::chrono::seconds x) { return static_cast<uint32_t>(x.count()); };
  out.base_s = seconds(s.interval);
  out.min_s = s.interval_min.count() == 0 ? out.base_s : seconds(s.interval_min);
  out.max_s = s.interval_max.count() == 0 ? 2 * out.base_s : seconds(s.interval_max);
  if (out.min_s > out.base_s || out.max_s < out.base_s)
    return fail(ec::invalid_argument, "interval must lie within interval-min and interval-max");
  return {};
}

result<void> unstage_webseed(const staging& s, shoald_config& c) {
  auto& w = c.node.webseed;
  w.base_urls.clear();
  auto add = [&](std::string url) {
    while (url.ends_with('/'))
      url.pop_back();
    if (!url.empty())
      w.base_urls.push_back(std::move(url));
  };
  add(s.webseed_base_url);
  c.http.webseed_base_url = w.base_urls.empty() ? "" : w.base_urls.front();
  // Local only means what it says, whatever else is configured.
  if (!w.base_urls.empty())
    for (auto& url : s.webseed_mirrors)
      add(url);
  auto mirror = parse_mirror_policy(s.mirror);
  if (!mirror)
    return fail(ec::invalid_argument, "mirror: \"" + s.mirror + "\" is none");
  w.mirror = *mirror;
  w.client.timeout = std::chrono::milliseconds{s.webseed_timeout_ms};
  auto guard = origin::address_guard::make(s.webseed_allow_private);
  if (!guard)
    return fail(ec::invalid_argument, "webseed-allow-private: " + guard.error().detail);
  w.client.guard = std::move(*guard);
  w.allow_private = s.webseed_allow_private;
  return {};
}

result<void> unstage(const staging& s, shoald_config& c) {
  c.node.data_dir = s.data_dir;
  c.node.upload_life_s = static_cast<uint32_t>(s.upload_life.count());
  c.http.certificates.clear();
  for (auto& one : s.tls_cert)
    c.http.certificates.push_back(http::certificate_files::parse(one));
  if (!log::is_level(c.log.level))
    return fail(ec::invalid_argument, "log-level: \"" + c.log.level + "\" is none");
  if (s.log_format == "automatic")
    c.log.shape = log::format::automatic;
  else if (s.log_format == "text")
    c.log.shape = log::format::text;
  else if (s.log_format == "json")
    c.log.shape = log::format::json;
  else
    return fail(ec::invalid_argument, "log-format: \"" + s.log_format + "\" is none");
  if (c.http.listen.empty())
    c.http.listen = *parse_listen("127.0.0.1:8080");
  if (auto staged = unstage_intervals(s, c.node.intervals); !staged)
    return staged;
  if (c.udp.listen.empty())
    c.udp.listen = c.http.listen;
  c.udp.proxies = c.http.proxy_protocol_from;
  c.tracker.interval_s = c.node.intervals.base_s;
  c.tracker.intervals = c.node.intervals;
  c.node.bounds.unlimited_networks = c.tracker.unlimited_networks;
  // Whoever switches off the limits per address means all of them.
  if (c.tracker.rate_per_second == 0)
    c.node.bounds.new_swarms_per_second = 0;
  c.tracker.interval_min_s = c.tracker.interval_s / 2;
  while (c.http.public_url.ends_with('/'))
    c.http.public_url.pop_back();
  c.cluster.public_url = c.http.public_url;
  while (c.http.public_udp_url.ends_with('/'))
    c.http.public_udp_url.pop_back();
  return unstage_webseed(s, c);
}

bool is_http_url(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

std::string quote(const std::string& text, bool quoted) {
  if (!quoted)
    return text;
  std::string out = "\"";
  for (auto c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", c);
      continue;
    }
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

} // namespace

std::optional<shoald_options> read_options(int argc, char** argv, int& exit_code) {
  shoald_options options;
  staging stage;
  auto table = option_table(options.config, stage);
  CLI::App app{"shoald: a node of Shoal, coordinator of swarms for models and datasets", "shoald"};
  app.set_version_flag("--version", "shoald " SHOAL_VERSION);
  std::string file;
  app.add_option("--config", file, "TOML file; flags and SHOAL_* variables go before it");
  app.add_flag("--print-config", options.print_config, "Print the result as TOML and exit");
  app.add_flag("--check", options.check, "Validate the configuration and exit");
  app.add_flag("--print-routes", options.print_routes, "List the HTTP routes and exit");
  std::vector<std::vector<std::string>> given(table.size());
  for (size_t i = 0; i < table.size(); ++i) {
    auto* o = app.add_option(table[i].flag, given[i], table[i].help);
    if (!table[i].list)
      o->expected(1)->allow_extra_args(false);
  }
  exit_code = 2;
  auto complain = [](const error& err) {
    std::fprintf(stderr, "shoald: %s\n", err.detail.c_str());
    return std::nullopt;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    exit_code = app.exit(e);
    return std::nullopt;
  } catch (const CLI::ParseError& e) {
    return complain({ec::invalid_argument, e.what()});
  }
  if (!file.empty())
    if (auto read = read_file(file, table); !read)
      return complain(read.error());
  if (auto read = read_environment(table, options.config); !read)
    return complain(read.error());
  for (size_t i = 0; i < table.size(); ++i)
    if (!given[i].empty())
      if (auto set = assign(table[i], given[i], table[i].flag); !set)
        return complain(set.error());
  if (auto staged = unstage(stage, options.config); !staged)
    return complain(staged.error());
  exit_code = 0;
  return options;
}

std::string to_toml(const shoald_config& config) {
  auto copy = config;
  staging stage;
  stage.data_dir = config.node.data_dir.string();
  stage.upload_life = std::chrono::seconds{config.node.upload_life_s};
  stage.interval = std::chrono::seconds{config.node.intervals.base_s};
  // What follows from the interval does so in a file that is read back, too.
  auto& intervals = config.node.intervals;
  stage.interval_min
      = std::chrono::seconds{intervals.min_s == intervals.base_s ? 0 : intervals.min_s};
  stage.interval_max
      = std::chrono::seconds{intervals.max_s == 2 * intervals.base_s ? 0 : intervals.max_s};
  for (auto& one : config.http.certificates)
    stage.tls_cert.push_back(one.str());
  auto& origins = config.node.webseed;
  stage.webseed_base_url = config.http.webseed_base_url;
  stage.webseed_mirrors.assign(origins.base_urls.begin() + (origins.base_urls.empty() ? 0 : 1),
                               origins.base_urls.end());
  stage.mirror = name(origins.mirror);
  stage.webseed_timeout_ms = static_cast<unsigned>(origins.client.timeout.count());
  stage.webseed_allow_private = origins.allow_private;
  stage.log_format = config.log.shape == log::format::text   ? "text"
                     : config.log.shape == log::format::json ? "json"
                                                             : "automatic";
  std::string out;
  std::string section;
  for (auto& o : option_table(copy, stage)) {
    auto dot = o.key.rfind('.');
    auto here = dot == std::string::npos ? "" : o.key.substr(0, dot);
    if (here != section)
      out += fmt::format("\n[{}]\n", section = here);
    out += fmt::format("# {}\n", o.help);
    auto values = o.show();
    std::string value;
    auto masked
        = o.secret && std::any_of(values.begin(), values.end(), [](auto& v) { return !v.empty(); });
    if (masked)
      values = {"********"};
    for (auto& v : values)
      value += (value.empty() ? "" : ", ") + quote(v, o.quoted);
    if (o.list)
      value = "[" + value + "]";
    // A mask that is read back would be the secret.
    out += fmt::format("{}{} = {}\n", masked ? "# " : "", o.key.substr(dot + 1), value);
  }
  return out;
}

result<void> validate(const shoald_config& config) {
  auto& h = config.http;
  if (!h.public_url.empty() && !is_http_url(h.public_url))
    return fail(ec::invalid_argument, "public-url must start with http:// or https://");
  if (!h.public_udp_url.empty() && !h.public_udp_url.starts_with("udp://"))
    return fail(ec::invalid_argument, "public-udp-url must start with udp://");
  for (auto& url : config.node.webseed.base_urls)
    if (!is_http_url(url))
      return fail(ec::invalid_argument, "webseed-base-url must start with http:// or https://");
  if (auto tokens = origin::check_tokens(config.node.webseed.client.tokens); !tokens)
    return tl::unexpected{tokens.error()};
  for (auto& root : h.in_place_roots)
    if (!std::filesystem::path{root}.is_absolute())
      return fail(ec::invalid_argument, "in-place-roots: " + root + " is no absolute path");
  // Files that cannot be used should be found by --check.
  http::tls_context tls;
  if (!h.tls_listen.empty() || !h.certificates.empty())
    if (auto loaded = tls.load(h.certificates); !loaded)
      return loaded;
  if (auto policy = make_policy(config.node.policy); !policy)
    return tl::unexpected{policy.error()};
  if (auto secrets = udp_secrets(config.udp); !secrets)
    return tl::unexpected{secrets.error()};
  if (auto cluster = validate(config.cluster); !cluster)
    return cluster;
  if (config.cluster.passkeys && !config.tracker.secrets.empty())
    return fail(ec::invalid_argument, "cluster-passkeys and tracker-secrets exclude each other");
  std::error_code failed;
  auto dir = std::filesystem::absolute(config.node.data_dir, failed);
  // The nearest folder that exists decides whether the data folder can be made.
  while (!std::filesystem::exists(dir, failed) && dir.has_relative_path())
    dir = dir.parent_path();
  if (!std::filesystem::is_directory(dir, failed) || ::access(dir.c_str(), W_OK | X_OK) != 0)
    return fail(ec::invalid_argument,
                "data-dir: " + dir.string() + " is no folder that can be written");
  return {};
}

uint64_t fingerprint_of(const shoald_config& config) {
  std::string text = config.cluster.prefix;
  for (bool one : {config.node.keep_peer_ids, config.node.private_network, config.tracker.open,
                   config.cluster.passkeys})
    text += one ? '1' : '0';
  for (auto& secret : config.tracker.secrets)
    text += '\n' + secret;
  // Only compared, among nodes that trust each other; the first bytes of a hash of the secrets say
  // nothing about them.
  return keyed_hash({0, 0}, as_bytes(text));
}

std::vector<std::string> warnings(const shoald_config& config) {
  std::vector<std::string> found;
  http::tls_context tls;
  if (!tls.load(config.http.certificates))
    return found; // There are none, or `validate` has said why.
  for (auto& dates : tls.dates())
    if (auto why = http::complaint_about(dates, unix_now()))
      found.push_back("tls-cert: " + *why);
  return found;
}

} // namespace shoal::cmd
