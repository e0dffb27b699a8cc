// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/edge_port.hpp"
#include "actors/relay_choice.hpp"
#include "actors/relay_hub.hpp"

#include <deque>
#include <unordered_map>

namespace shoal {

/// How an I/O thread talks to swarms of other nodes: collects what came in with one turn of the
/// loop into a batch for each node, and answers other nodes in the same way. Whoever does not
/// answer in time is not waited for: the slot's standby is asked as well, and the first answer
/// counts. What nobody answers ends as it does with a swarm that is silent: without peers.
///
/// All calls on the port's thread. Bounded: limits::relay_pending_max announces wait, beyond it the
/// oldest is given up; a node's own load bounds what it answers.
class edge_relay {
public:
  /// @param port, directory, hub outlive it. @param wake see loop_unit.
  edge_relay(edge_port& port, const swarm_directory& directory, relay_hub& hub,
             std::function<void()> wake);
  ~edge_relay();
  edge_relay(const edge_relay&) = delete;
  edge_relay& operator=(const edge_relay&) = delete;

  bool is_here(const info_hash& swarm) const { return choice_.is_here(slot_of(swarm)); }

  void announce(announce_request req, announce_sink& sink, mono_time now);

  /// @param exchange the port's number; its `on_reply` is called for each swarm.
  void scrape(uint64_t exchange, std::vector<scraped_swarm> swarms, mono_time now);

  /// Deals with what has come and with what waits for too long.
  /// @param clock read if there is anything.
  void run(mono_time (*clock)());

  /// Sends what has gathered. @returns whether something is due at once.
  bool flush();

  /// Gives up on what was sent before `now` minus the request timeout.
  void sweep(mono_time now);

  size_t pending() const { return waiting_count_ + parked_.size() + scrapes_.size(); }

private:
  /// An announce that another node was asked for.
  struct waiting {
    announce_request request;
    announce_sink* sink = nullptr; ///< Null: it is answered, or goes on under another ticket.
    mono_time began;               ///< When the client asked.
    mono_time sent;
    cluster::node_number to = cluster::nobody;
    bool refused = false; ///< A node that was asked has said that it may not answer.
  };

  /// One that cannot be sent now.
  struct parked {
    announce_request request;
    announce_sink* sink;
    mono_time began;
    bool refused = false;
  };

  /// An announce of another node's edge.
  class foreign;

  struct pending_scrape {
    uint64_t exchange;
    std::vector<scraped_swarm> swarms;
    mono_time began;
    bool again = false;
  };

  /// What goes to one node with this turn.
  struct outbox {
    std::vector<waiting> announces;
    std::string answers;
    size_t answer_count = 0;
    bool listed = false; ///< In `to_send_`.
  };

  void route(parked x, mono_time now);
  outbox& box_for(cluster::node_number node);
  void send_announces(cluster::node_number node, outbox& box);
  void send_answers(cluster::node_number node, outbox& box);

  void on_announces(const relay_parcel& x, mono_time now);
  void on_answers(const relay_parcel& x, mono_time now);
  void answer(foreign& whose, announce_reply* reply);
  void on_scrapes(relay_parcel& x, mono_time now);
  void on_scraped(const relay_parcel& x, mono_time now);
  void ask_scrape(pending_scrape x, cluster::node_number node, mono_time now);
  void spread(pending_scrape x, mono_time now);
  void scrape_here(const pending_scrape& x);

  waiting* find(uint32_t ticket);
  void close(waiting& x);
  void drop_closed();
  void look_at_waiting(mono_time now);
  void park(waiting& x, bool refused);
  void give_up(announce_sink& sink);

  edge_port& port_;
  const swarm_directory& directory_;
  relay_hub& hub_;
  relay_choice choice_;
  std::shared_ptr<relay_inbox> inbox_;
  uint32_t number_; // Of the edge, in the highest byte of its tickets.
  uint32_t next_ = 0;
  std::deque<waiting> waiting_; // By ticket; the last one has `next_ - 1`.
  size_t waiting_count_ = 0;    // Without those that are closed.
  std::vector<parked> parked_;
  std::vector<announce_sink*> given_up_;       // Told in `run`, never from within `announce`.
  std::vector<std::unique_ptr<outbox>> boxes_; // By node.
  std::vector<cluster::node_number> to_send_;
  std::unordered_map<uint64_t, pending_scrape> scrapes_;
  uint64_t next_scrape_ = 0;
  std::deque<foreign> foreign_;
  std::vector<foreign*> free_;
  announce_request request_; // Scratch space, as are the next two.
  announce_reply reply_;
  std::string body_;
  uint64_t routes_seen_ = 0;
  mono_time looked_at_{};
};

} // namespace shoal
