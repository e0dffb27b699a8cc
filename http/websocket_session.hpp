// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/peer.hpp"
#include "http/bare_stream.hpp"
#include "http/connection.hpp"
#include "protocol/websocket_frame.hpp"

#include <memory>
#include <string>

namespace shoal::http {

class websocket_hub;

/// Who has opened a WebSocket, as far as the rules of access go.
struct websocket_client {
  ip_address address;   ///< Behind trusted proxies the one that they forward.
  std::string user;     ///< Account to book traffic on; empty for nobody's.
  bool trusted = false; ///< It has the registry key, and may say that it is an agent.
};

/// One WebSocket: frames in, messages to its peer actor, frames out. Belongs to the hub and is used
/// on the edge's thread. Keeps no buffer while it is idle: when its socket is ready it reads into
/// one that the hub has for all.
class websocket_session final : public web_line,
                                public std::enable_shared_from_this<websocket_session> {
public:
  /// @param hub outlives the session.
  websocket_session(websocket_hub& hub, taken_stream taken, websocket_client client);

  /// @returns false if the socket cannot be waited for.
  bool start();

  // -- what the peer says ------------------------------------------------------------

  void say(std::string_view json) override;
  void may_answer_until(mono_time deadline) override { answers_until_ = deadline; }
  void answer_dropped() override { afford_frame(); }
  ip_address address() const override { return client_.address; }
  void peer_ended() override;

  // -- what the hub says -------------------------------------------------------------

  /// @param events of epoll.
  void on_ready(uint32_t events);

  /// Sends what was said since the last call.
  void flush();

  /// Looks at all that has a deadline.
  void sweep(mono_time now);

  /// Sends a close frame; the socket ends when the client has answered or a little later.
  void close(ws_close code, std::string_view reason);

  /// Ends it without a word.
  void cut();

  bool open() const { return state_ == state::open; }
  const websocket_client& client() const { return client_; }
  const peer_actor& peer() const { return peer_; }

private:
  friend class websocket_hub;

  enum class state : uint8_t {
    open,
    closing, ///< A close frame is out; what comes is not looked at.
    dead,
  };

  void on_readable(bool ended);

  /// @param bytes what the client sent, changed on the way. Keeps what is no whole frame.
  void take_in(std::span<char> bytes);

  /// @returns whether the session goes on reading.
  bool on_frame(const ws_frame& frame);
  bool on_message(const ws_frame& frame);
  void on_text(std::string_view json);

  /// Lets a frame pass that is no request: a few are free, the others take a token each as
  /// requests do. @returns false if there is none: the session closes.
  bool afford_frame();
  void break_off(ws_close why);
  void append(ws_opcode opcode, std::string_view payload);

  websocket_hub& hub_;
  bare_stream bytes_;
  connection_ticket ticket_;
  websocket_client client_;
  peer_actor peer_;
  std::string rest_; // The beginning of a frame.
  std::string out_;  // Not yet taken by the socket.
  ws_assembler message_{limits::ws_message_bytes_max};
  mono_time heard_;   // From the client, last.
  mono_time begun_{}; // When an unfinished message began to come in, or never.
  mono_time answers_until_{};
  mono_time end_{};          // When `closing` has lasted for long enough.
  size_t place_ = 0;         // In the hub's list.
  uint32_t routes_seen_ = 0; // When the peer last looked where its swarms are.
  uint8_t bad_messages_ = 0;
  uint8_t free_frames_ = limits::ws_free_frames_max; // Until the next sweep.
  state state_ = state::open;
  bool queued_ = false;  // The hub will call `flush`.
  bool blocked_ = false; // The socket takes nothing more for now.
  bool pinged_ = false;
};

} // namespace shoal::http
