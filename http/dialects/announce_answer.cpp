// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/announce_answer.hpp"

#include "protocol/announce_reply.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace shoal::http {

namespace {

announce_request request_of(const tracker_gate& gate, const ip_address& client,
                            const announce_query& query, std::string user) {
  announce_request req;
  req.swarm = query.swarm;
  req.peer = {client, query.port};
  req.id = query.peer;
  req.identity = gate.identity_of(query.peer, query.key);
  req.uploaded = query.uploaded_bytes;
  req.downloaded = query.downloaded_bytes;
  req.left = query.left_bytes;
  req.event = query.event;
  req.numwant = gate.clamp_numwant(query.numwant);
  req.with_ids = !query.compact && !query.no_peer_id;
  req.user = std::move(user);
  return req;
}

uint32_t clamp_count(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, std::numeric_limits<uint32_t>::max()));
}

} // namespace

tl::expected<accepted_announce, refusal> accept_announce(tracker_gate& gate,
                                                         const ip_address& client,
                                                         std::string_view passkey,
                                                         std::string_view query, mono_time now) {
  auto user = gate.admit(client, passkey, now);
  if (!user)
    return tl::unexpected{std::move(user.error())};
  auto parsed = parse_announce(query);
  if (!parsed)
    return tl::unexpected{
        refusal{refusal_kind::bad_announce, "Invalid announce: " + parsed.error().detail, {}}};
  auto known = gate.enter(parsed->swarm);
  auto in_doubt = !known && known.error().kind == refusal_kind::unregistered;
  if (!known && !in_doubt)
    return tl::unexpected{std::move(known.error())};
  return accepted_announce{request_of(gate, client, *parsed, std::move(*user)),
                           known ? std::move(known->swarm) : swarm_actor{},
                           in_doubt,
                           {client, parsed->compact, parsed->no_peer_id}};
}

void append_announce_body(std::string& out, const tracker_gate& gate, const announce_form& form,
                          const announce_reply* answer) {
  announce_reply_view view;
  view.external_ip = form.client;
  view.interval = std::chrono::seconds{answer ? answer->interval_s : gate.interval_unanswered_s()};
  view.min_interval = std::min(view.interval, std::chrono::seconds{gate.config().interval_min_s});
  if (answer) {
    view.complete = answer->complete;
    view.incomplete = answer->incomplete;
    view.downloaded = clamp_count(answer->downloaded);
    view.peers = answer->peers4;
    view.peers6 = answer->peers6;
    view.peer_ids = answer->ids;
  }
  if (form.compact)
    append_announce_reply(out, view);
  else
    append_announce_reply_list(out, view, form.no_peer_id);
}

void count_announce(tracker_gate& gate, const announce_form& form, bool answered) {
  gate.count_announce(transport::http, form.client.family);
  if (!answered)
    gate.count_unanswered();
}

void append_tracker_head(std::string& out, size_t body_bytes, bool keep_alive) {
  std::array<char, 20> digits;
  auto [end, failed] = std::to_chars(digits.begin(), digits.end(), body_bytes);
  out += "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
  out.append(digits.data(), end);
  out += keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
}

uint64_t elapsed_us(mono_time since, mono_time now) {
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - since);
  return static_cast<uint64_t>(took.count());
}

} // namespace shoal::http
