// SPDX-License-Identifier: Apache-2.0
#include "udp/tracker.hpp"

#include "actors/edge_inquiry.hpp"
#include "protocol/proxy_header.hpp"
#include "udp/url_passkey.hpp"

#include <limits>

namespace shoal::udp {

namespace {

/// No longer than half of the shortest packet that it answers: nobody gains by asking in the name
/// of somebody else.
constexpr std::string_view bad_id_reason = "Connection ID mismatch";

uint32_t clamp_count(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, std::numeric_limits<uint32_t>::max()));
}

/// BEP 15's key as libtorrent writes it over HTTP, so that it is the same peer on both.
std::array<char, 8> key_text(uint32_t key) {
  std::array<char, 8> text;
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = "0123456789ABCDEF"[key >> (28 - 4 * i) & 0xf];
  return text;
}

} // namespace

// -- exchange ------------------------------------------------------------------

void exchange::on_reply(announce_reply* reply) {
  --owner_.in_flight_;
  owner_.finish_announce(*this, reply);
}

void exchange::on_unregistered() {
  --owner_.in_flight_;
  owner_.finish_refused(*this, tracker_gate::unregistered());
}

void exchange::on_numbers(uint32_t index, const swarm_numbers& numbers) {
  constexpr size_t head = 8;
  udp_scrape_reply known{transaction, std::span(bytes).subspan(head)};
  udp_scrape_counts counts{numbers.complete,
                           std::max(known[index].completed, clamp_count(numbers.downloaded)),
                           numbers.incomplete};
  write_udp_scrape_counts(std::span(bytes).subspan(head + index * udp_scrape_counts_bytes), counts);
}

void exchange::on_scraped() {
  --owner_.in_flight_;
  owner_.finish(*this);
}

// -- tracker -------------------------------------------------------------------

tracker::tracker(service& srv, edge_port& port, size_t sockets)
    : srv_{srv}, port_{port}, ids_{srv.keys(mono_now())}, ready_(sockets) {}

void tracker::tick(unix_seconds wall, mono_time now) {
  ids_.set_keys(srv_.keys(now));
  ids_.set_time(wall, now);
  errors_left_ = limits::udp_errors_per_second_max;
}

void tracker::handle(const receive_batch& batch, size_t count, size_t socket, mono_time now) {
  now_ = now;
  tally_ = {};
  for (size_t i = 0; i < count; ++i) {
    auto bytes = batch.bytes(i);
    tally_.received_bytes += bytes.size();
    take({batch, i, socket, bytes, batch.source(i).address, {}});
  }
  srv_.gate().count_bytes(transport::udp, tally_.received_bytes, 0);
  srv_.counted().add(tally_);
}

void tracker::drop_ready(size_t socket) {
  auto now = mono_now();
  for (auto* sent : ready_[socket]) {
    auto* x = static_cast<exchange*>(sent);
    if (x->is_announce) {
      auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - x->received_at);
      srv_.gate().observe_announce(transport::udp, static_cast<uint64_t>(took.count()));
    }
    free_.push_back(x);
  }
  ready_[socket].clear();
}

bool tracker::strip_proxy_header(request& r) const {
  auto& proxies = srv_.config().proxies;
  if (proxies.empty() || !contains(proxies, r.client))
    return true;
  auto header = parse_proxy_datagram(r.bytes);
  if (!header)
    return false;
  if (header->source)
    r.client = header->source->address;
  r.bytes = r.bytes.subspan(header->size);
  return true;
}

void tracker::take(request r) {
  auto head = strip_proxy_header(r) ? read_udp_head(r.bytes) : std::nullopt;
  if (!head) {
    tally_.note(packet_kind::malformed);
    return;
  }
  r.head = *head;
  auto connects = head->action == udp_action::connect;
  auto known = !connects && ids_.check(r.client, head->connection);
  if (!known && srv_.bad_clients().banned(r.client, now_)) {
    tally_.note(packet_kind::banned);
    srv_.gate().count_refusal(transport::udp, refusal_kind::banned);
  } else if (connects) {
    connect(r);
  } else if (!known) {
    refuse_id(r);
  } else if (head->action == udp_action::announce) {
    announce(r);
  } else {
    scrape(r);
  }
}

void tracker::connect(const request& r) {
  tally_.note(packet_kind::connect);
  auto& x = open(r);
  x.size = write_udp_connect_reply(x.bytes, {r.head.transaction, ids_.issue(r.client)});
  finish(x);
}

void tracker::refuse_id(const request& r) {
  tally_.note(packet_kind::bad_id);
  auto exempt = contains(srv_.gate().config().unlimited_networks, r.client);
  if (!exempt && srv_.bad_clients().note(r.client, now_))
    ++tally_.bans;
  if (errors_left_ == 0 || (!exempt && !srv_.may_have_error(r.client, now_))) {
    ++tally_.errors_withheld;
    return;
  }
  --errors_left_;
  send_error(r, bad_id_reason);
}

void tracker::refuse(const request& r, const refusal& why) {
  srv_.gate().count_refusal(transport::udp, why.kind);
  send_error(r, why.reason);
}

void tracker::send_error(const request& r, std::string_view reason) {
  ++tally_.errors_sent;
  write_error(open(r), reason);
}

void tracker::write_error(exchange& x, std::string_view reason) {
  x.size = write_udp_error(x.bytes, {x.transaction, reason});
  finish(x);
}

// -- announce ------------------------------------------------------------------

void tracker::announce(const request& r) {
  tally_.note(packet_kind::announce);
  auto& gate = srv_.gate();
  auto what = read_udp_announce(r.bytes, joined_url_);
  auto closed = !gate.secrets().empty();
  auto user = gate.admit(r.client, closed ? passkey_of_url(what.url) : std::string{}, now_);
  if (!user)
    return refuse(r, user.error());
  if (closed)
    srv_.vouch_for(r.client, now_);
  if (what.port == 0 && what.event != announce_event::stopped)
    return refuse(r, {refusal_kind::bad_announce, "Invalid announce: port is 0", {}});
  auto known = gate.enter(what.swarm);
  auto in_doubt = !known && known.error().kind == refusal_kind::unregistered;
  auto* inquiry = in_doubt ? port_.inquiry() : nullptr;
  if (!known && !inquiry)
    return refuse(r, known.error());
  auto& x = open(r);
  x.is_announce = true;
  if (overloaded() || (inquiry && !inquiry->has_room(what.swarm)))
    return finish_announce(x, nullptr);
  ++in_flight_;
  auto asked = request_of(r, what, std::move(*user));
  if (inquiry)
    inquiry->announce(std::move(asked), x);
  else
    port_.announce(std::move(asked), known->swarm, x, now_);
}

announce_request tracker::request_of(const request& r, const udp_announce& what,
                                     std::string user) const {
  auto& gate = srv_.gate();
  constexpr auto room = limits::udp_reply_bytes_max - udp_announce_reply_bytes;
  auto key = key_text(what.key);
  announce_request req;
  req.swarm = what.swarm;
  req.peer = {r.client, what.port};
  req.id = what.peer;
  req.identity = gate.identity_of(what.peer, {key.data(), key.size()});
  req.uploaded = what.uploaded_bytes;
  req.downloaded = what.downloaded_bytes;
  req.left = what.left_bytes;
  req.event = what.event;
  req.numwant = std::min(gate.clamp_numwant(what.numwant),
                         static_cast<uint32_t>(room / udp_peer_bytes(r.client.family)));
  req.own_family_only = true;
  req.user = std::move(user);
  return req;
}

void tracker::finish_refused(exchange& x, const refusal& why) {
  srv_.gate().count_refusal(transport::udp, why.kind);
  tally late; // No packet is being looked at.
  ++late.errors_sent;
  srv_.counted().add(late);
  x.is_announce = false;
  write_error(x, why.reason);
}

void tracker::finish_announce(exchange& x, const announce_reply* reply) {
  srv_.gate().count_announce(transport::udp, x.family);
  udp_announce_reply view;
  view.transaction = x.transaction;
  if (reply) {
    view.interval_s = reply->interval_s;
    view.leechers = reply->incomplete;
    view.seeders = reply->complete;
    view.peers = x.family == ip_family::v4 ? reply->peers4 : reply->peers6;
  } else {
    view.interval_s = srv_.gate().interval_unanswered_s();
    srv_.gate().count_unanswered();
  }
  x.size = write_udp_announce_reply(x.bytes, view, x.family);
  finish(x);
}

// -- scrape --------------------------------------------------------------------

void tracker::scrape(const request& r) {
  tally_.note(packet_kind::scrape);
  auto& gate = srv_.gate();
  auto user = gate.admit(r.client, {}, now_);
  auto vouched = !user && user.error().kind == refusal_kind::unauthorized
                 && srv_.vouched_for(r.client, now_);
  if (!user && !vouched)
    return refuse(r, user.error());
  gate.count_scrape(transport::udp);
  auto& x = open(r);
  x.size = write_known_counts(r, x);
  if (asked_.empty() || overloaded())
    return finish(x);
  ++in_flight_;
  port_.scrape(asked_, x, now_);
}

/// Writes what the directory knows, and lists whom to ask for the rest. What is not tracked here
/// counts zero, as numbers are told apart by their places.
size_t tracker::write_known_counts(const request& r, exchange& to) {
  asked_.clear();
  auto size = write_udp_scrape_head(to.bytes, r.head.transaction);
  auto hashes = read_udp_scrape(r.bytes);
  for (uint32_t i = 0; !hashes.empty(); ++i) {
    auto hash = *info_hash::from_bytes(hashes.first(info_hash::size_bytes));
    hashes = hashes.subspan(info_hash::size_bytes);
    udp_scrape_counts counts;
    if (auto known = srv_.gate().enter(hash)) {
      // A swarm without peers sleeps, but its completions are not forgotten.
      if (auto entry = known->registered ? srv_.directory().registration_of(hash) : nullptr)
        counts.completed = clamp_count(entry->completions);
      if (auto asked = port_.plan_scrape(i, hash, std::move(known->swarm)))
        asked_.push_back(std::move(*asked));
    }
    size += write_udp_scrape_counts(std::span(to.bytes).subspan(size), counts);
  }
  return size;
}

// -- exchanges -----------------------------------------------------------------

exchange& tracker::open(const request& r) {
  if (free_.empty())
    free_.push_back(&exchanges_.emplace_back(*this));
  auto& x = *free_.back();
  free_.pop_back();
  r.batch.copy_path(r.index, x.path);
  x.socket = r.socket;
  x.transaction = r.head.transaction;
  x.family = r.client.family;
  x.is_announce = false;
  x.received_at = now_;
  return x;
}

void tracker::finish(exchange& x) {
  ready_[x.socket].push_back(&x);
}

} // namespace shoal::udp
