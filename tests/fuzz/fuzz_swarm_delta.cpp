// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_fuzzed
// Facts about swarms come from another node, which is known but may be broken. What is read is
// written and read again, and is the same; and whatever it says, the copy can live with it.
#include "actors/replica_table.hpp"

using namespace shoal;

namespace {

peer_table_config small_tables() {
  peer_table_config config;
  config.private_network = true;
  config.addresses_max = 16;
  config.secret = {1, 2};
  return config;
}

void check_copy(const replica_table& table) {
  table.for_each([](const info_hash&, const replica_table::replica& swarm) {
    size_t known = 0;
    swarm.peers.for_each_identity([&](uint64_t identity, peer_state) {
      ++known;
      SHOAL_CHECK(swarm.peers.describe(identity));
    });
    auto counts = swarm.peers.counts();
    SHOAL_CHECK(known == size_t{counts.seeders} + counts.leechers);
    SHOAL_CHECK(swarm.peers.addresses() <= 32);
  });
}

void facts(std::string_view body) {
  static const auto config = small_tables();
  replica_table table{config, [] { return coarse_seconds{1000}; }};
  cluster::replica_stream stream{0, table};
  stream.take({0, true, 1, 1, body});
  check_copy(table);
  delta_reader in{body};
  swarm_fact x;
  while (in.next(x)) {
    std::string text;
    append_fact(text, x);
    delta_reader again{text};
    swarm_fact y;
    SHOAL_CHECK(again.next(y) && y == x && !again.next(y) && again.good());
  }
}

void frames(std::string_view frame) {
  if (auto x = decode_delta_batch(frame))
    SHOAL_CHECK(decode_delta_batch(encode(*x)) == x);
  if (auto x = decode_delta_ack(frame))
    SHOAL_CHECK(decode_delta_ack(encode(*x)) == x);
  delta_frame_reader in{frame};
  std::string again;
  for (std::string_view x; in.next(x);)
    append_delta_frame(again, x);
  SHOAL_CHECK(!in.good() || again.size() <= frame.size());
}

} // namespace

/// The first byte chooses the decoder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  auto rest = as_chars({data + 1, size - 1});
  data[0] % 2 == 0 ? facts(rest) : frames(rest);
  return 0;
}
