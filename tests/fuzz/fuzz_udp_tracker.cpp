// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "core/limits.hpp"
#include "protocol/udp_tracker.hpp"

#include <array>

using namespace shoal;

namespace {

using buffer = std::array<uint8_t, 1 << 17>;

void check_request(std::span<const uint8_t> packet) {
  auto head = read_udp_head(packet);
  if (!head)
    return;
  static buffer out;
  if (head->action == udp_action::announce) {
    std::string joined;
    auto what = read_udp_announce(packet, joined);
    SHOAL_CHECK(what.url.size() <= packet.size());
    SHOAL_CHECK(!what.numwant || *what.numwant <= limits::numwant_max);
    auto size = write_udp_announce(out, *head, what);
    std::string joined_again;
    SHOAL_CHECK(read_udp_head(std::span(out).first(size)) == head);
    SHOAL_CHECK(read_udp_announce(std::span(out).first(size), joined_again) == what);
  } else if (head->action == udp_action::scrape) {
    auto hashes = read_udp_scrape(packet);
    SHOAL_CHECK(!hashes.empty() && hashes.size() % info_hash::size_bytes == 0);
    SHOAL_CHECK(hashes.size() <= limits::udp_scrape_hashes_max * info_hash::size_bytes);
  } else {
    SHOAL_CHECK(head->connection == udp_connect_magic);
  }
}

void check_reply(std::span<const uint8_t> packet, ip_family family) {
  auto reply = read_udp_reply(packet, family);
  if (!reply)
    return;
  static buffer out;
  if (auto* announced = std::get_if<udp_announce_reply>(&*reply)) {
    auto size = write_udp_announce_reply(out, *announced, family);
    auto again = read_udp_reply(std::span(out).first(size), family);
    SHOAL_CHECK(std::get<udp_announce_reply>(*again) == *announced);
    SHOAL_CHECK(write_udp_announce_reply(std::span(out).first(limits::udp_reply_bytes_max),
                                         *announced, family)
                <= limits::udp_reply_bytes_max);
  } else if (auto* scraped = std::get_if<udp_scrape_reply>(&*reply)) {
    for (size_t i = 0; i < scraped->size(); ++i)
      (void)(*scraped)[i];
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span<const uint8_t> packet{data, size};
  check_request(packet);
  check_reply(packet, ip_family::v4);
  check_reply(packet, ip_family::v6);
  return 0;
}
