// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/announce.hpp"
#include "actors/tracker_gate.hpp"

#include <string>

/// Announces over HTTP between the parsed header and the bytes of the answer. Both ways that a
/// request can take go through here, so their answers cannot differ.
namespace shoal::http {

/// What of a request decides on the form of its answer.
struct announce_form {
  ip_address client;
  bool compact = true;
  bool no_peer_id = false;
};

/// An announce that its swarm is to be asked about.
struct accepted_announce {
  announce_request request;
  swarm_actor swarm;     ///< Null: its shard has to spawn it.
  bool in_doubt = false; ///< This node has no such registration: ask edge_inquiry, or refuse.
  announce_form form;
};

/// Applies the rules of the gate and reads the query.
/// @param passkey decoded, empty if there is none. @param query raw, without '?'.
tl::expected<accepted_announce, refusal> accept_announce(tracker_gate& gate,
                                                         const ip_address& client,
                                                         std::string_view passkey,
                                                         std::string_view query, mono_time now);

/// Appends the bencoded reply.
/// @param answer null if the swarm did not answer in time: the client gets a valid reply that makes
/// it come back.
void append_announce_body(std::string& out, const tracker_gate& gate, const announce_form& form,
                          const announce_reply* answer);

/// Counts an announce that was answered.
void count_announce(tracker_gate& gate, const announce_form& form, bool answered);

/// Appends the head of an answer of the tracker. The status is 200 even for failures, as clients do
/// not read the body of another. No Date and no CORS headers: clients need neither, and announces
/// are most of the load.
void append_tracker_head(std::string& out, size_t body_bytes, bool keep_alive);

/// @returns microseconds.
uint64_t elapsed_us(mono_time since, mono_time now);

} // namespace shoal::http
