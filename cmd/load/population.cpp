// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/population.hpp"

#include "cmd/load/random.hpp"

#include <cstring>

namespace shoal::load {

info_hash population::hash_of(uint64_t swarm) const {
  info_hash hash;
  auto base = mixed(seed_) + swarm * 3;
  uint64_t words[3] = {mixed(base), mixed(base + 1), mixed(base + 2)};
  std::memcpy(hash.bytes.data(), words, hash.bytes.size());
  return hash;
}

load_peer population::peer(uint64_t swarm, uint64_t number) const {
  load_peer p;
  auto bits = mixed(mixed(seed_ ^ 0x7065657273) + swarm * peers_ + number);
  auto more = mixed(bits);
  std::memcpy(p.id.bytes.data(), "-SL0100-", 8);
  std::memcpy(p.id.bytes.data() + 8, &bits, 8);
  std::memcpy(p.id.bytes.data() + 16, &more, 4);
  p.port = static_cast<uint16_t>(2000 + number % 59'999);
  p.key = static_cast<uint32_t>(more >> 32);
  p.seed = bits % 100 < seeds_percent_;
  return p;
}

ip_address loopback_source(unsigned range, unsigned number) {
  return ip_address::v4({127, static_cast<uint8_t>(1 + range), static_cast<uint8_t>(number / 250),
                         static_cast<uint8_t>(1 + number % 250)});
}

} // namespace shoal::load
