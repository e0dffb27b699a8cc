// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/udp_tracker.hpp"
#include "udp/datagram.hpp"
#include "udp/service.hpp"

#include <deque>
#include <vector>

namespace shoal::udp {

class tracker;

/// One request on its way through the actors and back, and the packet that will answer it.
class exchange final : public announce_sink, public scrape_sink, public outgoing {
public:
  explicit exchange(tracker& owner) : owner_{owner} {}

  void on_reply(announce_reply* reply) override;
  void on_unregistered() override;
  void on_numbers(uint32_t index, const swarm_numbers& numbers) override;
  void on_scraped() override;

  size_t socket = 0; ///< By which it came.
  uint32_t transaction = 0;
  ip_family family = ip_family::v4; ///< Of the client, which a proxy may have in the other one.
  bool is_announce = false;
  mono_time received_at;

private:
  tracker& owner_;
};

/// What one edge thread does with packets: checks them, asks the swarms, collects the answers until
/// they are sent. Nothing here allocates per packet once the memory of a busy second is there.
class tracker {
public:
  tracker(service& srv, edge_port& port, size_t sockets);

  /// Once before the first packet, and then once a second.
  void tick(unix_seconds wall, mono_time now);

  /// Takes in what a socket has received; answers that need no swarm are ready after that.
  void handle(const receive_batch& batch, size_t count, size_t socket, mono_time now);

  /// The answers that go out by a socket, to be dropped when they are sent.
  std::span<outgoing* const> ready(size_t socket) const { return ready_[socket]; }
  void drop_ready(size_t socket);

  /// Requests that wait for a swarm.
  size_t in_flight() const { return in_flight_; }

private:
  friend class exchange;

  /// A packet that is being looked at.
  struct request {
    const receive_batch& batch;
    size_t index;
    size_t socket;
    std::span<const uint8_t> bytes;
    ip_address client;
    udp_head head;
  };

  bool strip_proxy_header(request& r) const;
  void take(request r);
  void connect(const request& r);
  void refuse_id(const request& r);
  void announce(const request& r);
  void scrape(const request& r);
  void refuse(const request& r, const refusal& why);
  void send_error(const request& r, std::string_view reason);
  announce_request request_of(const request& r, const udp_announce& what, std::string user) const;
  size_t write_known_counts(const request& r, exchange& to);
  bool overloaded() const { return in_flight_ >= limits::udp_in_flight_max; }

  exchange& open(const request& r);
  void finish(exchange& x);
  void write_error(exchange& x, std::string_view reason);
  void finish_refused(exchange& x, const refusal& why);
  void finish_announce(exchange& x, const announce_reply* reply);

  service& srv_;
  edge_port& port_;
  connection_ids ids_;
  std::deque<exchange> exchanges_; // Never shrinks: limits::udp_in_flight_max and some batches.
  std::vector<exchange*> free_;
  std::vector<std::vector<outgoing*>> ready_; // By socket.
  std::vector<scraped_swarm> asked_;          // Scratch space of a scrape.
  std::string joined_url_;                    // Scratch space of an announce.
  tally tally_;
  mono_time now_;
  size_t in_flight_ = 0;
  size_t errors_left_ = 0; // In this second.
};

} // namespace shoal::udp
