// SPDX-License-Identifier: Apache-2.0
#include "origin/proxy_choice.hpp"

#include "core/net.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

namespace shoal::origin {

namespace {

std::string first_of(const environment_lookup& environment,
                     std::initializer_list<const char*> names) {
  for (auto* name : names)
    if (auto value = environment(name); !value.empty())
      return value;
  return {};
}

/// A name stands for itself and all names below it.
bool is_within(std::string_view host, std::string_view name) {
  if (name.starts_with('.'))
    name.remove_prefix(1);
  if (name.empty() || host.size() < name.size())
    return false;
  auto rest = host.size() - name.size();
  return text::equals_nocase(host.substr(rest), name) && (rest == 0 || host[rest - 1] == '.');
}

/// @source curl(1): NO_PROXY
bool is_exempt(const std::string& host, std::string_view no_proxy) {
  constexpr std::string_view between = ", \t";
  auto address = ip_address::parse(host);
  while (!no_proxy.empty()) {
    auto end = std::min(no_proxy.find_first_of(between), no_proxy.size());
    auto one = no_proxy.substr(0, end);
    no_proxy.remove_prefix(std::min(end + 1, no_proxy.size()));
    auto network = address ? cidr::parse(one) : std::nullopt;
    if (one == "*" || (network && network->contains(*address))
        || (!address && is_within(host, one)))
      return true;
  }
  return false;
}

} // namespace

environment_lookup process_environment() {
  return [](const char* name) {
    auto* value = std::getenv(name);
    return std::string{value == nullptr ? "" : value};
  };
}

std::string proxy_for(const origin_url& where, const std::string& setting,
                      const environment_lookup& environment) {
  if (setting != "environment")
    return setting;
  // HTTP_PROXY is left out as curl does: in CGI it is a header of the client's.
  auto proxy = where.scheme == "https" ? first_of(environment, {"https_proxy", "HTTPS_PROXY"})
                                       : environment("http_proxy");
  if (proxy.empty())
    proxy = first_of(environment, {"all_proxy", "ALL_PROXY"});
  auto spared = first_of(environment, {"no_proxy", "NO_PROXY"});
  return is_exempt(where.host, spared) ? std::string{} : proxy;
}

} // namespace shoal::origin
