// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/hostile.hpp"

#include "cmd/load/http_requests.hpp"

#include <sys/socket.h>
#include <thread>

namespace shoal::load {

namespace {

constexpr unsigned source_range = 2;
constexpr unsigned source_count = 200;
constexpr size_t connections_max = 128;
constexpr std::chrono::milliseconds patience{500};
constexpr unsigned udp_kinds = 8;
constexpr unsigned tcp_kinds = 12;

std::string random_bytes(random_source& random, size_t size) {
  std::string bytes(size, '\0');
  for (auto& c : bytes)
    c = static_cast<char>(random.next());
  return bytes;
}

void append_number(std::string& out, uint64_t number, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;)
    out += static_cast<char>(number >> (8 * i));
}

/// An announce as BEP 15 lays it out, with a connection id that nobody issued.
std::string forged_announce(random_source& random, const population& all) {
  std::string packet;
  append_number(packet, random.next(), 8);
  append_number(packet, 1, 4);
  append_number(packet, random.next(), 4);
  packet += all.hash_of(random.below(all.swarms())).chars();
  packet += random_bytes(random, 20 + 3 * 8 + 4 * 4);
  append_number(packet, random.next(), 2);
  return packet;
}

std::string upgrade_with(const std::string& frames) {
  return "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvYWwtbG9hZCBzaG9hbA==\r\n\r\n"
         + frames;
}

std::string announce_with(const std::string& query) {
  return "GET /announce?" + query + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

} // namespace

std::string hostile_packet(random_source& random, const population& all) {
  auto packet = forged_announce(random, all);
  switch (random.below(udp_kinds)) {
  case 0:
    return random_bytes(random, random.below(1400));
  case 1:
    return packet.substr(0, random.below(packet.size()));
  case 2: // An action that there is not.
    packet[11] = static_cast<char>(4 + random.below(250));
    return packet;
  case 3: // URLData longer than the packet.
    return packet + std::string{"\x02\xff/announce", 11};
  case 4: { // A connect with a wrong magic.
    std::string connect = random_bytes(random, 8);
    append_number(connect, 0, 4);
    return connect + random_bytes(random, 4);
  }
  case 5: // A scrape that ends amidst a hash.
    packet[11] = 2;
    return packet.substr(0, 16 + random.below(80));
  case 6: // Options that nobody knows.
    return packet + random_bytes(random, random.below(300));
  default:
    return packet;
  }
}

std::string hostile_request(random_source& random, const population& all) {
  std::string hash;
  append_escaped(hash, all.hash_of(random.below(all.swarms())).chars());
  switch (random.below(tcp_kinds)) {
  case 0:
    return random_bytes(random, 1 + random.below(2000));
  case 1:
    return announce_with("info_hash=" + hash).substr(0, 1 + random.below(80));
  case 2:
    return announce_with("info_hash=%zz%&port=&peer_id");
  case 3:
    return announce_with("info_hash=" + hash + "&peer_id=short&port=99999999999&left=-1");
  case 4:
    return announce_with("info_hash=" + hash + hash + "&info_hash=" + hash + "&&&=&=");
  case 5:
    return "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
  case 6:
    return "POST /api/registry HTTP/1.1\r\nHost: a\r\nHost: b\r\nTransfer-Encoding: chunked\r\n"
           "Content-Length: 5\r\n\r\nffffffffffffffff\r\n";
  case 7:
    return "POST /api/registry HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n{";
  case 8:
    return "\x16\x03\x01\x02" + random_bytes(random, 200); // Something like TLS.
  case 9: // A frame without a mask, and one that claims to be huge.
    return upgrade_with(std::string{"\x81\x05hello\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 17});
  case 10:
    return upgrade_with(std::string{"\x81\x8e\0\0\0\0", 6} + "{\"action\":[[[[");
  default:
    return upgrade_with(random_bytes(random, random.below(300)));
  }
}

hostile_client::hostile_client(load_context& context)
    : context_{context}, random_{context.options.seed ^ 0x686f7374} {}

uint64_t hostile_client::due() const {
  auto percent = context_.options.hostile_percent;
  return context_.sent.load(std::memory_order_relaxed) * percent / (100 - percent);
}

uint64_t hostile_client::run(const std::atomic<bool>& stop) {
  while (!stop) {
    auto now = mono_now();
    std::erase_if(open_, [now](auto& c) { return c.until <= now; });
    for (int burst = 0; burst < 64 && sent_ < due(); ++burst) {
      if (context_.options.over == transport::udp)
        attack_udp();
      else if (open_.size() < connections_max)
        attack_tcp();
      else
        break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  open_.clear();
  return sent_;
}

void hostile_client::attack_udp() {
  auto& target = context_.options.targets[random_.below(context_.options.targets.size())];
  auto socket = connect_to(target, SOCK_DGRAM, source_range, next_source_++ % source_count);
  if (!socket)
    return;
  for (int i = 0; i < 8; ++i, ++sent_) {
    auto packet = hostile_packet(random_, context_.all);
    ::send(socket->fd(), packet.data(), packet.size(), MSG_NOSIGNAL);
  }
}

void hostile_client::attack_tcp() {
  auto& target = context_.options.targets[random_.below(context_.options.targets.size())];
  ++sent_;
  auto socket = connect_to(target, SOCK_STREAM, source_range, next_source_++ % source_count);
  if (!socket)
    return;
  auto bytes = hostile_request(random_, context_.all);
  ::send(socket->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  // Some leave at once, others wait for an answer and do not read it.
  if (random_.percent(50))
    open_.push_back({std::move(*socket), mono_now() + patience});
}

} // namespace shoal::load
