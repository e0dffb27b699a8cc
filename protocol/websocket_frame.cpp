// SPDX-License-Identifier: Apache-2.0
#include "protocol/websocket_frame.hpp"

#include "protocol/digest.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace shoal {

namespace {

/// Of a control frame. @source RFC 6455 section 5.5.
constexpr size_t control_payload_max = 125;

ws_step broken(ws_close why) {
  ws_step step;
  step.what = ws_step::kind::broken;
  step.why = why;
  return step;
}

bool is_known(uint8_t opcode) {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

uint8_t byte_at(std::span<const char> bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

uint64_t big_endian(std::span<const char> bytes) {
  uint64_t value = 0;
  for (auto c : bytes)
    value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

void unmask(std::span<char> payload, const std::array<char, 4>& mask) {
  uint64_t wide;
  std::memcpy(&wide, mask.data(), 4);
  std::memcpy(reinterpret_cast<char*>(&wide) + 4, mask.data(), 4);
  size_t i = 0;
  for (; i + 8 <= payload.size(); i += 8) {
    uint64_t eight;
    std::memcpy(&eight, payload.data() + i, 8);
    eight ^= wide;
    std::memcpy(payload.data() + i, &eight, 8);
  }
  for (; i < payload.size(); ++i)
    payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
}

std::string base64(std::span<const uint8_t> bytes) {
  static constexpr std::string_view digits
      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto n = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < n ? bytes[i + j] : 0u);
    for (size_t j = 0; j < 4; ++j)
      out += j <= n ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

} // namespace

ws_step next_ws_frame(std::span<char> bytes, size_t payload_max) {
  if (bytes.size() < 2)
    return {};
  auto first = byte_at(bytes, 0);
  auto second = byte_at(bytes, 1);
  auto opcode = static_cast<uint8_t>(first & 0x0f);
  auto fin = (first & 0x80) != 0;
  // No extension was agreed on, and clients must mask.
  if ((first & 0x70) != 0 || !is_known(opcode) || (second & 0x80) == 0)
    return broken(ws_close::protocol_error);
  uint64_t length = second & 0x7f;
  if (opcode >= 8 && (!fin || length > control_payload_max))
    return broken(ws_close::protocol_error);
  size_t header = 2;
  if (length >= 126) {
    auto wide = length == 126 ? size_t{2} : size_t{8};
    if (bytes.size() < header + wide)
      return {};
    length = big_endian(bytes.subspan(header, wide));
    header += wide;
    if (length < (wide == 2 ? 126u : 65'536u) || length >> 63 != 0)
      return broken(ws_close::protocol_error);
  }
  if (length > payload_max)
    return broken(ws_close::too_big);
  std::array<char, 4> mask{};
  auto size = static_cast<size_t>(length);
  if (bytes.size() < header + mask.size() + size)
    return {};
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(header), mask.size(), mask.begin());
  header += mask.size();
  auto payload = bytes.subspan(header, size);
  unmask(payload, mask);
  ws_step step;
  step.what = ws_step::kind::frame;
  step.frame = {ws_opcode{opcode}, fin, {payload.data(), payload.size()}};
  step.used = header + size;
  return step;
}

ws_assembler::outcome ws_assembler::add(const ws_frame& frame) {
  auto continues = frame.opcode == ws_opcode::continuation;
  if (continues != amidst_)
    return outcome::protocol_error;
  if (!continues) {
    opcode_ = frame.opcode;
    std::string{}.swap(parts_);
  }
  if (parts_.size() + frame.payload.size() > message_max_)
    return outcome::too_big;
  amidst_ = !frame.fin;
  if (!continues && frame.fin) {
    message_ = frame.payload;
    return outcome::complete;
  }
  parts_ += frame.payload;
  message_ = parts_;
  return frame.fin ? outcome::complete : outcome::more;
}

void append_ws_frame(std::string& out, ws_opcode opcode, std::string_view payload) {
  auto n = payload.size();
  out += static_cast<char>(0x80 | static_cast<uint8_t>(opcode));
  if (n < 126) {
    out += static_cast<char>(n);
  } else {
    auto wide = n < 65'536 ? 2 : 8;
    out += static_cast<char>(wide == 2 ? 126 : 127);
    for (auto shift = 8 * (wide - 1); shift >= 0; shift -= 8)
      out += static_cast<char>(n >> shift & 0xff);
  }
  out += payload;
}

void append_ws_close(std::string& out, ws_close code, std::string_view reason) {
  std::string payload;
  payload += static_cast<char>(static_cast<uint16_t>(code) >> 8);
  payload += static_cast<char>(static_cast<uint16_t>(code) & 0xff);
  payload += reason.substr(0, control_payload_max - 2);
  append_ws_frame(out, ws_opcode::close, payload);
}

std::string websocket_accept(std::string_view key) {
  sha1_hasher hasher;
  hasher.update(as_bytes(key));
  hasher.update(as_bytes("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
  return base64(hasher.finish().bytes);
}

bool is_websocket_key(std::string_view key) {
  auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+'
           || c == '/';
  };
  return key.size() == 24 && key.ends_with("==")
         && std::all_of(key.begin(), key.end() - 2, is_digit);
}

} // namespace shoal
