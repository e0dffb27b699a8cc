// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/ws_frames.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace shoal::load {

namespace {

constexpr uint8_t final_bit = 0x80;
constexpr uint8_t mask_bit = 0x80;

uint64_t big_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (auto c : bytes)
    number = number << 8 | static_cast<uint8_t>(c);
  return number;
}

void append_big_endian(std::string& out, uint64_t number, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;)
    out += static_cast<char>(number >> (8 * i));
}

} // namespace

void append_frame(std::string& out, ws_opcode opcode, std::string_view payload, uint32_t mask) {
  out += static_cast<char>(final_bit | static_cast<uint8_t>(opcode));
  if (payload.size() < 126) {
    out += static_cast<char>(mask_bit | payload.size());
  } else if (payload.size() < 65536) {
    out += static_cast<char>(mask_bit | 126);
    append_big_endian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(mask_bit | 127);
    append_big_endian(out, payload.size(), 8);
  }
  char key[4];
  std::memcpy(key, &mask, sizeof(key));
  out.append(key, sizeof(key));
  auto at = out.size();
  out += payload;
  uint64_t wide = uint64_t{mask} << 32 | mask;
  for (; at + 8 <= out.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, out.data() + at, sizeof(word));
    word ^= wide;
    std::memcpy(out.data() + at, &word, sizeof(word));
  }
  for (size_t i = 0; at < out.size(); ++at, ++i)
    out[at] = static_cast<char>(out[at] ^ key[i % 4]);
}

ws_reader::progress ws_reader::take_header(std::string_view frame, size_t& header_size,
                                           uint64_t& payload_size) const {
  header_size = 2;
  if (frame.size() < header_size)
    return progress::more;
  auto reserved = static_cast<uint8_t>(frame[0]) & 0x70;
  auto length = static_cast<uint8_t>(frame[1]);
  if (reserved != 0 || (length & mask_bit) != 0) // No extension was agreed on; servers do not mask.
    return progress::broken;
  auto extra = length == 126 ? 2u : length == 127 ? 8u : 0u;
  header_size += extra;
  if (frame.size() < header_size)
    return progress::more;
  payload_size = extra == 0 ? length : big_endian(frame.substr(2, extra));
  return payload_size > message_bytes_max ? progress::broken : progress::message;
}

ws_reader::progress ws_reader::feed(std::string_view& input) {
  for (;;) {
    auto have = partial_.size();
    // Few bytes of `input` complete a header that was cut.
    std::string joined;
    std::string_view view = input;
    if (have > 0) {
      joined = partial_.substr(0, 10);
      joined += input.substr(0, 10);
      view = joined;
    }
    size_t header_size = 0;
    uint64_t payload_size = 0;
    if (auto got = take_header(view, header_size, payload_size); got == progress::broken)
      return got;
    else if (got == progress::more || have + input.size() < header_size + payload_size) {
      partial_ += input;
      input = {};
      return progress::more;
    }
    auto used = header_size + payload_size - have;
    auto frame = input.substr(0, used);
    if (have > 0) {
      kept_ = std::move(partial_);
      kept_ += frame;
      partial_.clear();
      frame = kept_;
    }
    input.remove_prefix(used);
    if (auto got = take_frame(frame, header_size); got != progress::more || input.empty())
      return got;
  }
}

ws_reader::progress ws_reader::take_frame(std::string_view frame, size_t header_size) {
  auto final = (static_cast<uint8_t>(frame[0]) & final_bit) != 0;
  auto opcode = static_cast<ws_opcode>(frame[0] & 0x0f);
  payload_ = frame.substr(header_size);
  opcode_ = opcode;
  if (opcode >= ws_opcode::close) // May come amidst another message.
    return final ? progress::message : progress::broken;
  if ((opcode == ws_opcode::more) != (first_ != ws_opcode::more))
    return progress::broken;
  if (final && opcode != ws_opcode::more)
    return progress::message;
  assembled_ += payload_;
  if (assembled_.size() > message_bytes_max)
    return progress::broken;
  if (opcode != ws_opcode::more)
    first_ = opcode;
  if (!final)
    return progress::more;
  opcode_ = std::exchange(first_, ws_opcode::more);
  kept_ = std::exchange(assembled_, {});
  payload_ = kept_;
  return progress::message;
}

} // namespace shoal::load
