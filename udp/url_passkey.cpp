// SPDX-License-Identifier: Apache-2.0
#include "udp/url_passkey.hpp"

#include "core/limits.hpp"
#include "protocol/percent.hpp"
#include "protocol/query.hpp"

#include <array>

namespace shoal::udp {

namespace {

std::string decode(std::string_view escaped) {
  std::array<uint8_t, limits::passkey_bytes_max> bytes;
  auto size = percent_decode_into(escaped, bytes);
  return size ? std::string{bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(*size)}
              : std::string{};
}

} // namespace

std::string passkey_of_url(std::string_view url) {
  constexpr std::string_view prefix = "/announce/";
  auto question = url.find('?');
  auto path = url.substr(0, question);
  if (path.starts_with(prefix) && path.size() > prefix.size())
    return decode(path.substr(prefix.size()));
  if (question == std::string_view::npos)
    return {};
  for (const auto& field : query_view{url.substr(question + 1)})
    if (field.name == "passkey")
      return decode(field.value);
  return {};
}

} // namespace shoal::udp
