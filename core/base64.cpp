// SPDX-License-Identifier: Apache-2.0
#include "core/base64.hpp"

#include <array>
#include <cstdint>

namespace shoal {

namespace {

constexpr std::string_view alphabet
    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr uint8_t no_digit = 0xff;

constexpr std::array<uint8_t, 256> digits = [] {
  std::array<uint8_t, 256> table{};
  table.fill(no_digit);
  for (size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<uint8_t>(i);
  table['-'] = 62;
  table['_'] = 63;
  return table;
}();

} // namespace

std::optional<std::string> base64_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  size_t count = 0; // Digits so far.
  size_t padding = 0;
  for (auto c : text) {
    if (c == '\r' || c == '\n')
      continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    auto digit = digits[static_cast<uint8_t>(c)];
    if (digit == no_digit || padding > 0)
      return std::nullopt;
    bits = bits << 6 | digit;
    if (++count % 4 == 0) {
      out += static_cast<char>(bits >> 16);
      out += static_cast<char>(bits >> 8);
      out += static_cast<char>(bits);
      bits = 0;
    }
  }
  auto rest = count % 4;
  if (rest == 1 || (padding > 0 && (rest == 0 || rest + padding != 4)))
    return std::nullopt;
  if (rest >= 2)
    out += static_cast<char>(bits >> (rest == 2 ? 4 : 10));
  if (rest == 3)
    out += static_cast<char>(bits >> 2);
  auto spare = rest == 2 ? bits & 0xf : rest == 3 ? bits & 0x3 : 0;
  if (spare != 0)
    return std::nullopt;
  return out;
}

void base64_append(std::string& out, std::string_view bytes) {
  auto at = [&](size_t i) { return uint32_t{static_cast<uint8_t>(bytes[i])}; };
  auto whole = bytes.size() / 3 * 3;
  auto begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4, '=');
  auto* to = out.data() + begin;
  auto put = [&to](uint32_t digit) { *to++ = alphabet[digit & 63]; };
  for (size_t i = 0; i < whole; i += 3) {
    auto bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    put(bits >> 18);
    put(bits >> 12);
    put(bits >> 6);
    put(bits);
  }
  if (whole == bytes.size())
    return;
  auto two = bytes.size() - whole == 2;
  auto bits = at(whole) << 16 | (two ? at(whole + 1) << 8 : 0);
  put(bits >> 18);
  put(bits >> 12);
  if (two)
    put(bits >> 6);
}

} // namespace shoal
