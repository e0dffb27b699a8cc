// SPDX-License-Identifier: Apache-2.0
#include "protocol/percent.hpp"

#include "core/hex.hpp"

namespace shoal {

namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
         || c == '.' || c == '_' || c == '~';
}

/// Feeds each decoded byte to `sink` until it returns false.
/// @returns false on a bad escape or if the sink gave up.
template <class Sink>
bool decode(std::string_view text, bool plus_is_space, Sink&& sink) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<uint8_t>(text[i]);
    if (byte == '%') {
      if (text.size() - i < 3 || !from_hex(text.substr(i + 1, 2), {&byte, 1}))
        return false;
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
