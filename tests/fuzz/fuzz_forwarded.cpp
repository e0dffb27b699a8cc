// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "core/hex.hpp"
#include "protocol/forwarded.hpp"

#include <algorithm>
#include <string>

using namespace shoal;

/// The input is cut into headers at line feeds.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<cidr> proxies{*cidr::parse("10.0.0.0/8"), *cidr::parse("fd00::/8")};
  static const auto proxy = *ip_address::parse("10.0.0.1");
  static const auto stranger = *ip_address::parse("9.9.9.9");

  auto rest = as_chars({data, size});
  std::vector<std::string_view> headers;
  while (!rest.empty()) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    headers.push_back(line);
  }
  SHOAL_CHECK(real_address(stranger, proxies, headers) == stranger);
  SHOAL_CHECK(real_address(proxy, {}, headers) == proxy);
  auto found = real_address(proxy, proxies, headers);
  SHOAL_CHECK(ip_address::parse(found.str()) == found);

  // Whatever a client sends, the address that our proxy appends decides.
  for (const auto& client : {stranger, *ip_address::parse("2606:4700::1")}) {
    auto appended = client.str();
    headers.push_back(appended);
    SHOAL_CHECK(real_address(proxy, proxies, headers) == client);
    headers.pop_back();
    auto merged = std::string{headers.empty() ? "" : headers.back()} + ", " + appended;
    auto copy = headers;
    if (copy.empty())
      copy.emplace_back();
    copy.back() = merged;
    SHOAL_CHECK(real_address(proxy, proxies, copy) == client);
  }
  return 0;
}
