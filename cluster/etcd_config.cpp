// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_config.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <charconv>

namespace shoal::coordination {

namespace {

/// @returns 0 for what is none.
uint16_t port_in(std::string_view text) {
  uint16_t port = 0;
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), port);
  return wrong == std::errc{} && end == text.data() + text.size() ? port : uint16_t{0};
}

/// Letters of names and of addresses; nothing that could end a line or begin a path.
bool is_host(std::string_view text, bool bracketed) {
  constexpr std::string_view digits = "0123456789abcdefABCDEF:.";
  constexpr std::string_view letters
      = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
  return !text.empty() && text.size() <= 255
         && text.find_first_not_of(bracketed ? digits : letters) == std::string_view::npos;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

} // namespace

std::string etcd_endpoint::authority() const {
  auto number = std::to_string(port);
  return host.find(':') == std::string::npos ? host + ':' + number : '[' + host + "]:" + number;
}

result<etcd_endpoint> etcd_endpoint::parse(std::string_view url) {
  auto wrong = [&] {
    return fail(ec::invalid_argument, "'" + std::string{url} + "' is no http(s)://HOST:PORT");
  };
  etcd_endpoint made;
  auto rest = url;
  if (rest.starts_with("https://"))
    made.tls = true;
  else if (!rest.starts_with("http://"))
    return wrong();
  rest.remove_prefix(made.tls ? 8 : 7);
  if (rest.ends_with('/'))
    rest.remove_suffix(1);
  auto colon = rest.rfind(':');
  if (colon == std::string_view::npos)
    return wrong();
  auto host = rest.substr(0, colon);
  auto bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed)
    host = host.substr(1, host.size() - 2);
  made.host = host;
  made.port = port_in(rest.substr(colon + 1));
  if (!is_host(host, bracketed) || made.port == 0)
    return wrong();
  return made;
}

result<void> validate(const etcd_config& cfg) {
  auto wrong = [](std::string why) { return fail(ec::invalid_argument, std::move(why)); };
  if (cfg.endpoints.empty() || cfg.endpoints.size() > limits::etcd_endpoints_max)
    return wrong("etcd needs 1 to " + std::to_string(limits::etcd_endpoints_max) + " endpoints");
  for (auto& url : cfg.endpoints) {
    auto endpoint = etcd_endpoint::parse(url);
    if (!endpoint)
      return tl::unexpected(endpoint.error());
    if (!cfg.user.empty() && !endpoint->tls && !is_loopback(endpoint->host))
      return wrong("a password for etcd does not travel without TLS: " + url);
  }
  if (cfg.user.empty() != cfg.password.empty())
    return wrong("etcd needs a user and a password, or neither");
  if (cfg.cert_file.empty() != cfg.key_file.empty())
    return wrong("a certificate for etcd needs its key, and a key its certificate");
  auto shortest = std::min({cfg.connect_timeout, cfg.answer_timeout, cfg.watch_check});
  if (shortest < std::chrono::milliseconds{1})
    return wrong("times for etcd are at least 1 ms");
  if (cfg.connections == 0 || cfg.connections > limits::etcd_requests_max)
    return wrong("connections to etcd: 1 to " + std::to_string(limits::etcd_requests_max));
  return {};
}

} // namespace shoal::coordination
