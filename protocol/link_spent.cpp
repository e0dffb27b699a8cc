// SPDX-License-Identifier: Apache-2.0
#include "protocol/link_spent.hpp"

#include "core/limits.hpp"
#include "protocol/packed_bytes.hpp"

namespace shoal {

std::string encode(const link_spent& x) {
  packed_text out;
  out.number(x.size());
  for (auto& one : x)
    out.fixed(one.who).number(one.bytes);
  return out.take();
}

result<link_spent> decode_link_spent(std::string_view bytes) {
  packed_reader in{bytes};
  link_spent x(static_cast<size_t>(in.number(limits::link_spent_max)));
  for (auto& one : x) {
    one.who = in.fixed<uint64_t>();
    one.bytes = in.number(limits::link_spent_bytes_max);
  }
  if (!in.good() || in.left() > 0)
    return fail(ec::invalid_argument, "not what somebody has fetched");
  return x;
}

} // namespace shoal
