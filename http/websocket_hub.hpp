// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_guest.hpp"
#include "actors/edge_inquiry.hpp"
#include "actors/web_relay.hpp"
#include "http/raw_poller.hpp"
#include "http/services.hpp"
#include "http/websocket_session.hpp"
#include "protocol/ws_tracker.hpp"

#include <memory>
#include <string>
#include <vector>

namespace shoal::http {

/// The WebSockets of one edge, and what they share: buffers, the decoder, the way to the actors.
class websocket_hub final : public edge_guest {
public:
  /// @param srv, port, io outlive the hub.
  /// @param clock the time, which tests make up.
  websocket_hub(const services& srv, edge_port& port, asio::io_context& io,
                mono_time (*clock)() = mono_now);

  /// On the edge's thread, or when that has ended.
  ~websocket_hub() override;

  /// A client has been told that it may speak WebSocket.
  void accept(taken_stream taken, websocket_client client);

  /// Reads what has come. @returns whether there may be more already.
  bool run();

  // -- edge_guest --------------------------------------------------------------------

  void tick(mono_time now) override;
  void flush() override;
  void drain() override;

  /// Ends all of them without a word.
  void cut();

private:
  friend class websocket_session;

  // -- for sessions ------------------------------------------------------------------

  caf::actor_system& system() { return srv_.node.system(); }
  web_desk& desk() { return desk_; }
  tracker_gate& gate() { return srv_.gate; }
  web_metrics& counted() { return srv_.web; }

  /// Changes when other nodes may have the swarms of the cluster.
  uint32_t routes_version() const {
    return desk_.relay ? static_cast<uint32_t>(desk_.relay->places().version()) : 0;
  }
  std::chrono::seconds message_timeout() const { return srv_.config.header_timeout; }

  void enter(websocket_session& who);
  void leave(websocket_session& who);
  void queue(websocket_session& who);

  /// Waits for bytes of the client, and for room `to_write` more if asked.
  /// @returns false if there is no memory.
  bool wait_for(websocket_session& who, bool to_write);

  /// When this turn of the loop began, about.
  mono_time now() const { return now_; }

  /// An idle session has no buffer to send from; busy ones pass theirs around.
  void lend(std::string& empty);
  void take_back(std::string& sent);

  /// Where to read to: behind a copy of what the session has of a frame already.
  std::span<char> read_space(std::string_view rest);

  /// @returns the copy and the `n` bytes that were read behind it.
  std::span<char> received(std::string_view rest, size_t n) {
    return {buffer_.data(), rest.size() + n};
  }

  /// @returns whether it was a message of the protocol.
  bool handle(websocket_session& from, std::string_view json);

  // -- messages ----------------------------------------------------------------------

  void on_announce(websocket_session& from, ws_announce announce);
  void inquire(websocket_session& from, ws_announce announce, edge_inquiry& through);
  void pass_on(websocket_session& from, ws_announce announce, const swarm_actor& swarm);
  void answer_without_peers(websocket_session& to, const info_hash& swarm);
  void on_answer(websocket_session& from, ws_answer answer);
  void on_scrape(websocket_session& from, const ws_scrape& scrape);
  void on_agent(websocket_session& from, ws_agent said);
  void note_agent(websocket_session& from, ws_agent said);
  void refuse(websocket_session& to, const ws_fault& about, const refusal& why);
  void say_failure(websocket_session& to, const ws_fault& fault);

  const services& srv_;
  edge_port& port_;
  web_desk desk_;
  ws_decoder decoder_;
  std::vector<char> buffer_;
  raw_poller poller_;
  std::vector<std::shared_ptr<websocket_session>> sessions_;
  std::vector<std::shared_ptr<websocket_session>> gone_; // Kept for the rest of this turn.
  std::vector<websocket_session*> queued_;               // To be flushed.
  std::vector<websocket_session*> flushing_;             // Scratch space.
  std::string text_;                                     // Scratch space.
  std::vector<std::string> spares_;                      // Empty, with memory.
  mono_time (*clock_)();
  mono_time now_;
  bool draining_ = false;
  size_t next_ = 0;  // Of the sweep.
  size_t share_ = 0; // Of a round of the sweep, in one tick.
};

} // namespace shoal::http
