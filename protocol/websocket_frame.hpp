// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// @source RFC 6455 section 5.2.
enum class ws_opcode : uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

/// Why a WebSocket is closed. @source RFC 6455 section 7.4.1.
enum class ws_close : uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  bad_text = 1007,
  policy = 1008,
  too_big = 1009,
};

/// One frame of a client, unmasked in place.
struct ws_frame {
  ws_opcode opcode = ws_opcode::text;
  bool fin = true;
  std::string_view payload; ///< Within the bytes that were given.
};

/// What the beginning of some bytes is.
struct ws_step {
  enum class kind : uint8_t {
    incomplete, ///< More bytes are needed; nothing was changed.
    frame,
    broken, ///< The connection cannot be used any more.
  };

  kind what = kind::incomplete;
  ws_frame frame;
  size_t used = 0;                         ///< Bytes of the frame.
  ws_close why = ws_close::protocol_error; ///< If broken.
};

/// Bytes in front of the payload at most.
inline constexpr size_t ws_header_bytes_max = 14;

/// Takes the first frame of what a client sent, without extensions.
/// @param bytes are changed: a payload is unmasked where it stands.
/// @param payload_max longer frames are broken as soon as their header says so.
/// @source RFC 6455 section 5.
ws_step next_ws_frame(std::span<char> bytes, size_t payload_max);

/// Joins the frames of a message. Control frames are none of its business.
class ws_assembler {
public:
  enum class outcome : uint8_t { more, complete, protocol_error, too_big };

  /// @param message_max bytes of a whole message.
  explicit ws_assembler(size_t message_max) : message_max_{message_max} {}

  /// @param frame a text, binary or continuation frame.
  outcome add(const ws_frame& frame);

  /// After `complete`, until the next `add`: the message. Within the last frame's bytes if it was
  /// the only one.
  std::string_view message() const { return message_; }
  bool is_text() const { return opcode_ == ws_opcode::text; }

  /// Whether the next frames belong to a message that has begun.
  bool amidst() const { return amidst_; }

private:
  size_t message_max_;
  std::string parts_; // Memory only while a message comes in pieces.
  std::string_view message_;
  ws_opcode opcode_ = ws_opcode::text;
  bool amidst_ = false;
};

/// Appends a whole, unmasked frame, as servers send them.
void append_ws_frame(std::string& out, ws_opcode opcode, std::string_view payload);

/// Appends a close frame. @param reason UTF-8; cut to what a control frame holds.
void append_ws_close(std::string& out, ws_close code, std::string_view reason);

/// @returns the value of Sec-WebSocket-Accept for a client's Sec-WebSocket-Key.
/// @source RFC 6455 section 4.2.2.
std::string websocket_accept(std::string_view key);

/// Whether it is the base64 of 16 bytes. @source RFC 6455 section 4.1.
bool is_websocket_key(std::string_view key);

} // namespace shoal
