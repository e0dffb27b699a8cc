// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::load {

enum class ws_opcode : uint8_t { more = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Appends a whole message as a client sends it: masked. @source RFC 6455 5.2
/// @param mask any; its bytes are used in memory order.
void append_frame(std::string& out, ws_opcode opcode, std::string_view payload, uint32_t mask);

/// Takes the frames of a server apart. Messages in several frames are put together; their bound is
/// `message_bytes_max`.
class ws_reader {
public:
  static constexpr size_t message_bytes_max = 1024 * 1024;

  enum class progress : uint8_t { more, message, broken };

  /// Takes bytes off the front of `input`, up to the end of a message.
  progress feed(std::string_view& input);

  ws_opcode opcode() const { return opcode_; }

  /// Of the last message; valid until the next call, and only as long as that input.
  std::string_view payload() const { return payload_; }

private:
  progress take_header(std::string_view frame, size_t& header_size, uint64_t& payload_size) const;
  progress take_frame(std::string_view frame, size_t header_size);

  std::string partial_;   ///< A frame that came in pieces.
  std::string assembled_; ///< Payloads of the frames before.
  std::string kept_;      ///< What `payload` views if the input does not have it whole.
  std::string_view payload_;
  ws_opcode opcode_ = ws_opcode::text;
  ws_opcode first_ = ws_opcode::more; ///< Of a message in several frames.
};

} // namespace shoal::load
