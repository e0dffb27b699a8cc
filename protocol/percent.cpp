// SPDX-License-Identifier: Apache-2.0
#include "protocol/percent.hpp"

#include <array>

namespace shoal {

namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
         || c == '.' || c == '_' || c == '~';
}

constexpr int8_t no_digit = -1;

/// The value of each hexadecimal digit: escapes are most of what a tracker decodes.
constexpr auto digit_values = [] {
  std::array<int8_t, 256> values{};
  values.fill(no_digit);
  for (int i = 0; i < 10; ++i)
    values[static_cast<size_t>('0' + i)] = static_cast<int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    values[static_cast<size_t>('a' + i)] = static_cast<int8_t>(10 + i);
    values[static_cast<size_t>('A' + i)] = static_cast<int8_t>(10 + i);
  }
  return values;
}();

int digit_value(char c) {
  return digit_values[static_cast<uint8_t>(c)];
}

/// Feeds each decoded byte to `sink` until it returns false.
/// @returns false on a bad escape or if the sink gave up.
template <class Sink>
bool decode(std::string_view text, bool plus_is_space, Sink&& sink) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<uint8_t>(text[i]);
    if (byte == '%') {
      if (text.size() - i < 3)
        return false;
      auto value = digit_value(text[i + 1]) << 4 | digit_value(text[i + 2]);
      if (value < 0)
        return false;
      byte = static_cast<uint8_t>(value);
      i += 2;
    } else if (byte == '+' && plus_is_space) {
      byte = ' ';
    }
    if (!sink(byte))
      return false;
  }
  return true;
}

std::optional<std::string> decode_string(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  auto ok = decode(text, plus_is_space, [&out](uint8_t byte) {
    out += static_cast<char>(byte);
    return true;
  });
  if (!ok)
    return std::nullopt;
  return out;
}

std::string encode(std::string_view text, bool keep_slash) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (auto c : text) {
    if (is_unreserved(c) || (keep_slash && c == '/')) {
      out += c;
      continue;
    }
    auto byte = static_cast<uint8_t>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  return decode_string(text, false);
}

std::optional<std::string> form_decode(std::string_view text) {
  return decode_string(text, true);
}

std::optional<size_t> percent_decode_into(std::string_view text, std::span<uint8_t> out) {
  size_t size = 0;
  auto ok = decode(text, false, [&](uint8_t byte) {
    if (size == out.size())
      return false;
    out[size++] = byte;
    return true;
  });
  if (!ok)
    return std::nullopt;
  return size;
}

std::string percent_encode(std::string_view text) {
  return encode(text, false);
}

std::string percent_encode_path(std::string_view text) {
  return encode(text, true);
}

} // namespace shoal
