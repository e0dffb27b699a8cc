// SPDX-License-Identifier: Apache-2.0
#include "protocol/link_agent.hpp"

#include "core/limits.hpp"
#include "protocol/packed_bytes.hpp"

namespace shoal {

std::string encode(const link_agent& x) {
  packed_text out;
  out.number(x.line).address(x.client).text(x.said);
  return out.take();
}

result<link_agent> decode_link_agent(std::string_view bytes) {
  packed_reader in{bytes};
  link_agent x;
  x.line = in.number();
  auto size = in.number(16);
  in.need(size == 4 || size == 16);
  x.client = in.address(size == 4 ? ip_family::v4 : ip_family::v6);
  x.said = in.text(limits::ws_message_bytes_max);
  if (!in.good() || in.left() > 0)
    return fail(ec::invalid_argument, "not an agent's report");
  return x;
}

} // namespace shoal
