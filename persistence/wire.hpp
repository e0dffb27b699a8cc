// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/crc.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// How numbers and checksums lie on disk.
namespace shoal::wire {

template <std::unsigned_integral T>
void store(T value, char* out) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out[i] = static_cast<char>(static_cast<uint8_t>(value >> (8 * (sizeof(T) - 1 - i))));
}

/// Big endian. `in` must have `sizeof(T)` bytes.
template <std::unsigned_integral T>
T load(const char* in) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value << 8) | static_cast<uint8_t>(in[i]);
  return value;
}

template <std::unsigned_integral T>
void append(std::string& out, T value) {
  char bytes[sizeof(T)];
  store(value, bytes);
  out.append(bytes, sizeof(T));
}

/// CRC-32 (IEEE 802.3) of several parts in a row.
template <class... Parts>
uint32_t crc32(const Parts&... parts) {
  boost::crc_32_type crc;
  (crc.process_bytes(std::string_view(parts).data(), std::string_view(parts).size()), ...);
  return crc.checksum();
}

} // namespace shoal::wire
