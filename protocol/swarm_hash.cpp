// SPDX-License-Identifier: Apache-2.0
#include "protocol/swarm_hash.hpp"

#include "protocol/percent.hpp"

namespace shoal {

swarm_hash::swarm_hash(const shoal::info_hash& hash) : size_(info_hash::size_bytes) {
  std::copy(hash.bytes.begin(), hash.bytes.end(), bytes_.begin());
}

swarm_hash::swarm_hash(const sha256_digest& hash)
    : bytes_(hash.bytes), size_(sha256_digest::size_bytes) {}

result<swarm_hash> swarm_hash::decode(std::string_view escaped) {
  // The room beyond 32 lets a hash in hexadecimal digits get the better of the two messages.
  std::array<uint8_t, 3 * sha256_digest::size_bytes> raw;
  auto size = percent_decode_into(escaped, raw);
  if (!size)
    return fail(ec::invalid_argument, "info_hash is badly escaped or too long");
  if (*size != info_hash::size_bytes && *size != sha256_digest::size_bytes)
    return fail(ec::invalid_argument, "info_hash must be 20 or 32 bytes");
  swarm_hash hash;
  hash.size_ = static_cast<uint8_t>(*size);
  std::copy_n(raw.begin(), *size, hash.bytes_.begin());
  return hash;
}

info_hash swarm_hash::truncated() const {
  info_hash hash;
  std::copy_n(bytes_.begin(), info_hash::size_bytes, hash.bytes.begin());
  return hash;
}

std::optional<sha256_digest> swarm_hash::full_v2() const {
  if (!is_full_v2())
    return std::nullopt;
  return sha256_digest{bytes_};
}

} // namespace shoal
