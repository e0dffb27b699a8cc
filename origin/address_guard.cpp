// SPDX-License-Identifier: Apache-2.0
#include "origin/address_guard.hpp"

#include "protocol/text.hpp"

#include <algorithm>

namespace shoal::origin {

namespace {

ip_address v4_at(const ip_address& address, size_t at) {
  auto& b = address.bytes;
  return ip_address::v4({b[at], b[at + 1], b[at + 2], b[at + 3]});
}

bool is_host_name(std::string_view text) {
  constexpr size_t name_bytes_max = 253;
  auto fits = [](char c) {
    return text::is_digit(c) || (text::lower(c) >= 'a' && text::lower(c) <= 'z') || c == '.'
           || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= name_bytes_max
         && std::all_of(text.begin(), text.end(), fits);
}

} // namespace

/// @source RFC 3056 (6to4), RFC 6052 (NAT64)
bool is_public(const ip_address& address) {
  static const auto six_to_four = *cidr::parse("2002::/16");
  static const auto nat64 = *cidr::parse("64:ff9b::/96");
  if (six_to_four.contains(address))
    return v4_at(address, 2).is_global();
  if (nat64.contains(address))
    return v4_at(address, 12).is_global();
  return address.is_global();
}

result<address_guard> address_guard::make(const std::vector<std::string>& allowed) {
  address_guard made;
  for (auto& one : allowed) {
    if (auto network = cidr::parse(one))
      made.networks_.push_back(*network);
    else if (is_host_name(one) && one.find_first_not_of("0123456789.") != std::string::npos)
      made.hosts_.push_back(one);
    else
      return fail(ec::invalid_argument, "\"" + one + "\" is neither a network nor a host's name");
  }
  return made;
}

bool address_guard::allows(std::string_view host, const ip_address& address) const {
  auto is_it = [&](auto& name) { return text::equals_nocase(name, host); };
  return is_public(address) || contains(networks_, address)
         || std::any_of(hosts_.begin(), hosts_.end(), is_it);
}

} // namespace shoal::origin
