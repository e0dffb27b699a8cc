// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_fuzzed
// Snapshots of swarms come from a disk, which may lie. Whatever a table accepts, it must be able to
// live with and to write again.
#include "actors/peer_table.hpp"

using namespace shoal;

namespace {

constexpr coarse_seconds now = 100'000;

std::string exported(const peer_table& table) {
  std::string out;
  table.export_to(out, now);
  return out;
}

/// The counts agree with what is in the table.
void check_counts(const peer_table& table) {
  size_t identities = 0;
  table.for_each_identity([&](uint64_t, peer_state) { ++identities; });
  SHOAL_CHECK(identities == table.peers());
  size_t addresses = 0;
  table.for_each_address([&](const peer_view&) { ++addresses; });
  SHOAL_CHECK(addresses == table.addresses());
  SHOAL_CHECK(table.peers() <= table.addresses());
}

/// A stranger comes, is counted, and is never handed out to itself.
void live_on(peer_table& table, uint64_t random) {
  announce_input in;
  in.peer = {ip_address::v4({203, 0, 113, 77}), 7777};
  in.identity = random | 1;
  in.event = announce_event::started;
  in.left_bytes = random % 2;
  in.numwant = 50;
  handout out;
  table.announce(in, now, random, out);
  check_counts(table);
  SHOAL_CHECK(out.peers4.size() % 6 == 0 && out.peers6.size() % 18 == 0);
  SHOAL_CHECK((out.peers4.size() / 6) + (out.peers6.size() / 18) <= in.numwant);
  const std::string_view own{"\xcb\x00\x71\x4d\x1e\x61", 6};
  for (size_t i = 0; i < out.peers4.size(); i += 6)
    SHOAL_CHECK(std::string_view{out.peers4}.substr(i, 6) != own);
  table.expire(now + 100'000);
  SHOAL_CHECK(table.empty() && table.peers() == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  peer_table_config config;
  config.private_network = true;
  config.addresses_max = 64;
  config.secret = {1, 2};
  peer_table table{config};
  auto imported = table.import_from(as_chars({data, size}), now);
  check_counts(table);
  if (!imported) {
    SHOAL_CHECK(imported.error().code == ec::corrupt && table.empty());
    return 0;
  }
  auto image = exported(table);
  peer_table again{config};
  SHOAL_CHECK(again.import_from(image, now));
  // Not the same bytes: accounts have no order.
  SHOAL_CHECK(exported(again).size() == image.size() && again.peers() == table.peers());
  live_on(table, size == 0 ? 0 : uint64_t{data[size - 1]} * 0x9e3779b97f4a7c15ULL);
  return 0;
}
