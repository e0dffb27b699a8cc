// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/net.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace shoal::test {

/// Writes small databases in MaxMind's format, country and ASN in one.
/// @source https://maxmind.github.io/MaxMind-DB/
class mmdb_writer {
public:
  mmdb_writer() : nodes_(1) {}

  void add(const std::string& network, const std::string& country, uint32_t asn) {
    auto place = *cidr::parse(network);
    auto bytes = place.network.bytes;
    size_t bits = place.prefix_bits;
    if (place.network.is_v4()) { // In the tree of IPv6 as ::/96.
      std::copy_backward(bytes.begin(), bytes.begin() + 4, bytes.end());
      std::fill(bytes.begin(), bytes.end() - 4, uint8_t{0});
      bits += 96;
    }
    size_t at = 0;
    for (size_t i = 0; i < bits; ++i) {
      auto side = bytes[i / 8] >> (7 - i % 8) & 1u;
      if (i + 1 == bits) {
        nodes_[at].data[side] = 1 + put_record(country, asn);
      } else {
        if (nodes_[at].next[side] == 0) {
          nodes_[at].next[side] = nodes_.size();
          nodes_.emplace_back();
        }
        at = nodes_[at].next[side];
      }
    }
  }

  void write(const std::filesystem::path& path) const {
    std::string out;
    for (auto& n : nodes_)
      for (size_t side : {0, 1}) {
        auto value = n.data[side] != 0   ? nodes_.size() + 16 + n.data[side] - 1
                     : n.next[side] != 0 ? n.next[side]
                                         : nodes_.size();
        for (int shift : {16, 8, 0})
          out.push_back(char(uint8_t(value >> shift)));
      }
    out.append(16, '\0');
    out += data_ + "\xab\xcd\xefMaxMind.com" + metadata();
    std::ofstream(path, std::ios::binary) << out;
  }

private:
  struct node {
    size_t next[2] = {0, 0};
    size_t data[2] = {0, 0}; // Offset plus one.
  };

  static std::string text(const std::string& s) { return char(2 << 5 | s.size()) + s; }
  static std::string map(size_t size) { return {char(7 << 5 | size)}; }
  static std::string number(uint8_t type, uint64_t value, size_t bytes) {
    auto head = type < 8 ? std::string{char(type << 5 | bytes)}
                         : std::string{char(bytes), char(type - 7)};
    for (size_t i = bytes; i-- > 0;)
      head.push_back(char(uint8_t(value >> (8 * i))));
    return head;
  }

  size_t put_record(const std::string& country, uint32_t asn) {
    auto at = data_.size();
    data_ += map(2) + text("country") + map(1) + text("iso_code") + text(country)
             + text("autonomous_system_number") + number(6, asn, 4);
    return at;
  }

  std::string metadata() const {
    auto u16 = [](uint64_t v) { return number(5, v, 2); };
    return map(9) + text("node_count") + number(6, nodes_.size(), 4) + text("record_size") + u16(24)
           + text("ip_version") + u16(6) + text("database_type") + text("Test") + text("languages")
           + std::string{char(0), char(4)} + text("binary_format_major_version") + u16(2)
           + text("binary_format_minor_version") + u16(0) + text("build_epoch")
           + number(9, 1'700'000'000, 8) + text("description") + map(0);
  }

  std::vector<node> nodes_;
  std::string data_;
};

} // namespace shoal::test
