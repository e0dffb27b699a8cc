// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shoal::origin {

/// Keeps what outsiders can make a node fetch (a redirect, a name whose address changes) out of the
/// networks behind it: only addresses of the Internet may be connected to, and what the operator
/// has named. Asked about addresses, after names were looked up.
class address_guard {
public:
  address_guard() = default;

  /// @param allowed networks ("10.0.0.0/8", "127.0.0.1") and names of hosts, whose addresses may be
  /// any. @errors ec::invalid_argument.
  static result<address_guard> make(const std::vector<std::string>& allowed);

  /// @param host as the URL has it, without brackets; names compare without regard to case.
  bool allows(std::string_view host, const ip_address& address) const;

private:
  std::vector<cidr> networks_;
  std::vector<std::string> hosts_;
};

/// Whether an address is of the Internet, and so are those that it has inside of it (6to4, NAT64).
bool is_public(const ip_address& address);

} // namespace shoal::origin
