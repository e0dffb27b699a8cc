// SPDX-License-Identifier: Apache-2.0
#include "actors/link_convert.hpp"

namespace shoal {

namespace {

/// What both forms of an announce call by the same name.
void copy_shared(const auto& from, auto& to) {
  to.swarm = from.swarm;
  to.peer = from.peer;
  to.id = from.id;
  to.identity = from.identity;
  to.event = from.event;
  to.numwant = from.numwant;
  to.with_ids = from.with_ids;
  to.own_family_only = from.own_family_only;
  to.user = from.user;
}

} // namespace

link_announce to_link(const announce_request& x, bool whole_id) {
  link_announce out;
  copy_shared(x, out);
  out.whole_id = whole_id;
  out.uploaded_bytes = x.uploaded;
  out.downloaded_bytes = x.downloaded;
  out.left_bytes = x.left;
  return out;
}

void from_link(const link_announce& x, announce_request& out) {
  copy_shared(x, out);
  out.uploaded = x.uploaded_bytes;
  out.downloaded = x.downloaded_bytes;
  out.left = x.left_bytes;
}

link_answer to_link(const announce_reply& x, uint32_t ticket) {
  return {ticket,       link_verdict::answered, x.interval_s, x.complete,
          x.incomplete, x.downloaded,           x.peers4,     x.peers6,
          x.ids};
}

void from_link(const link_answer& x, announce_reply& out) {
  out.interval_s = x.interval_s;
  out.complete = x.complete;
  out.incomplete = x.incomplete;
  out.downloaded = x.downloaded;
  out.peers4 = x.peers4;
  out.peers6 = x.peers6;
  out.ids = x.ids;
}

link_numbers to_link(const swarm_numbers& x) {
  return {x.complete, x.incomplete, x.downloaders, x.downloaded};
}

swarm_numbers from_link(const link_numbers& x) {
  return {x.complete, x.incomplete, x.downloaders, x.downloaded};
}

link_web_announce to_link(const web_announce& x, uint64_t line) {
  return {line,         x.swarm, x.id,    x.identity, x.client,     x.uploaded,
          x.downloaded, x.left,  x.event, x.user,     x.arrived_us, x.offers};
}

web_announce from_link(link_web_announce x) {
  return {x.swarm,
          x.id,
          x.identity,
          x.client,
          x.uploaded_bytes,
          x.downloaded_bytes,
          x.left_bytes,
          x.event,
          std::move(x.offers),
          std::move(x.user),
          x.arrived_us};
}

link_paired to_link(const paired_peers& x) {
  link_paired_peers out{x.primary, x.source, x.reset, {}, x.completed};
  out.changes.reserve(x.changes.size());
  for (auto& change : x.changes)
    out.changes.push_back({change.identity, static_cast<uint8_t>(change.state)});
  return out;
}

link_paired to_link(const paired_traffic& x) {
  return link_paired_traffic{x.primary,  x.identity,   x.family, x.event,
                             x.uploaded, x.downloaded, x.user};
}

paired_peers from_link(link_paired_peers x) {
  paired_peers out{x.primary, x.source, x.reset, {}, std::move(x.completed)};
  out.changes.reserve(x.changes.size());
  for (auto& change : x.changes)
    out.changes.push_back({change.identity, static_cast<peer_change::to>(change.to)});
  return out;
}

paired_traffic from_link(link_paired_traffic x) {
  return {x.primary,        x.identity,         x.family,         x.event,
          x.uploaded_bytes, x.downloaded_bytes, std::move(x.user)};
}

link_description to_link(const swarm_description& x) {
  link_description out{x.numbers.complete,   x.numbers.incomplete, x.numbers.downloaders,
                       x.numbers.downloaded, x.interval_s,         x.age_s,
                       x.silent_s,           x.connected,          x.restored,
                       x.addresses,          x.memory_bytes,       {}};
  for (auto& peer : x.peers)
    out.peers.push_back({peer.address, static_cast<uint8_t>(peer.state), peer.second_address,
                         peer.silent_s, peer.client});
  return out;
}

swarm_description from_link(const link_description& x) {
  swarm_description out{{x.complete, x.incomplete, x.downloaders, x.downloaded},
                        x.interval_s,
                        x.age_s,
                        x.silent_s,
                        x.connected,
                        x.restored,
                        x.addresses,
                        x.memory_bytes,
                        {}};
  for (auto& peer : x.peers)
    out.peers.push_back({peer.address, static_cast<peer_state>(peer.state), peer.second_address,
                         peer.silent_s, peer.client});
  return out;
}

} // namespace shoal
