// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_hub.hpp"

#include "actors/agent_book.hpp"
#include "actors/cluster_side.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace shoal::http {

namespace {

/// A sweep over all sockets takes this many ticks of a second.
constexpr size_t sweep_ticks = 4;

/// Bytes of one read beyond a whole message.
constexpr size_t read_bytes_min = 16 * 1024;

/// Send buffers kept for the next sessions that have something to say.
constexpr size_t spares_max = 256;
constexpr size_t spare_bytes_max = 16 * 1024;

refusal rate_refusal() {
  return {refusal_kind::rate_limited, "Rate limit exceeded. Please slow down.",
          std::chrono::minutes{1}};
}

uint64_t microseconds(mono_time t) {
  auto since = std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch());
  return static_cast<uint64_t>(since.count());
}

constexpr std::string_view leaving = "the node leaves";

/// A scrape that waits for its swarms. Deletes itself.
class pending_scrape final : public scrape_sink {
public:
  pending_scrape(std::shared_ptr<websocket_session> to, uint32_t min_interval_s)
      : to_{std::move(to)}, min_interval_s_{min_interval_s} {}

  void add(const ws_scrape_entry& entry) { entries_.push_back(entry); }
  size_t size() const { return entries_.size(); }

  void on_numbers(uint32_t index, const swarm_numbers& numbers) override {
    auto& entry = entries_[index];
    entry.complete = numbers.complete;
    entry.incomplete = numbers.incomplete;
    entry.downloaded = std::max(entry.downloaded, numbers.downloaded);
  }

  void on_scraped() override {
    std::string text;
    append_ws_scrape(text, entries_, min_interval_s_);
    to_->say(text);
    delete this;
  }

private:
  std::shared_ptr<websocket_session> to_;
  uint32_t min_interval_s_;
  std::vector<ws_scrape_entry> entries_;
};

} // namespace

websocket_hub::websocket_hub(const services& srv, edge_port& port, asio::io_context& io,
                             mono_time (*clock)())
    : srv_{srv}, port_{port},
      buffer_(limits::ws_message_bytes_max + ws_header_bytes_max + read_bytes_min), poller_{io},
      clock_{clock}, now_{clock()} {
  desk_.loop = &port.loop();
  desk_.directory = &srv.node.directory();
  desk_.shards = &srv.node.shards();
  desk_.gate = &srv.gate;
  desk_.metrics = &srv.web;
  desk_.now = clock;
  desk_.agents = &srv.node.agents();
  if (auto* cluster = srv.node.cluster())
    desk_.relay = &cluster->web();
}

websocket_hub::~websocket_hub() {
  cut();
  port_.loop().bind_to_this_thread();
  // Another thread may have woken a peer and not yet queued it here: only when all have ended does
  // none of them need the loop any more.
  while (desk_.peers > 0) {
    port_.loop().run();
    std::this_thread::yield();
  }
}

void websocket_hub::accept(taken_stream taken, websocket_client client) {
  now_ = clock_();
  auto unread = std::move(taken.unread);
  auto session = std::make_shared<websocket_session>(*this, std::move(taken), std::move(client));
  if (!session->start())
    return;
  if (draining_)
    session->close(ws_close::going_away, leaving);
  else if (!unread.empty())
    session->take_in(unread);
}

bool websocket_hub::run() {
  auto ready = poller_.ready();
  if (!ready.empty())
    now_ = clock_();
  for (auto& event : ready)
    static_cast<websocket_session*>(event.data.ptr)->on_ready(event.events);
  return poller_.hot();
}

// -- edge_guest -----------------------------------------------------------------------

void websocket_hub::tick(mono_time now) {
  now_ = now;
  // The share of a round is that of its beginning, or cutting many would make it longer and longer.
  if (next_ == 0)
    share_ = sessions_.size() / sweep_ticks + 1;
  auto share = draining_ ? sessions_.size() : share_;
  for (size_t i = 0; i < share && !sessions_.empty(); ++i) {
    next_ = next_ == 0 ? sessions_.size() - 1 : std::min(next_, sessions_.size()) - 1;
    // One that is cut is replaced by the last one, which this round has seen already.
    sessions_[next_]->sweep(now);
    if (next_ == 0 && !draining_)
      return; // The next round has a share of its own.
  }
}

void websocket_hub::flush() {
  while (!queued_.empty()) {
    flushing_.swap(queued_);
    for (auto* session : flushing_)
      session->flush();
    flushing_.clear();
  }
  gone_.clear();
}

void websocket_hub::drain() {
  draining_ = true;
  for (auto& session : sessions_)
    session->close(ws_close::going_away, leaving);
}

void websocket_hub::cut() {
  while (!sessions_.empty())
    sessions_.back()->cut();
}

// -- for sessions ---------------------------------------------------------------------

void websocket_hub::enter(websocket_session& who) {
  who.place_ = sessions_.size();
  sessions_.push_back(who.shared_from_this());
  srv_.web.sockets.add(1);
}

void websocket_hub::leave(websocket_session& who) {
  poller_.remove(who.bytes_.descriptor());
  auto& place = sessions_[who.place_];
  sessions_.back()->place_ = who.place_;
  std::swap(place, sessions_.back());
  gone_.push_back(std::move(sessions_.back()));
  sessions_.pop_back();
  srv_.web.sockets.add(-1);
}

void websocket_hub::queue(websocket_session& who) {
  if (!std::exchange(who.queued_, true))
    queued_.push_back(&who);
}

/// Edge-triggered: the kernel need not look again at each socket that has just been read. A change
/// reports anew whatever is there.
bool websocket_hub::wait_for(websocket_session& who, bool to_write) {
  auto fd = who.bytes_.descriptor();
  uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET | (to_write ? EPOLLOUT : 0u);
  return poller_.change(fd, events, &who) || poller_.add(fd, events, &who);
}

void websocket_hub::lend(std::string& empty) {
  if (spares_.empty())
    return;
  empty = std::move(spares_.back());
  spares_.pop_back();
}

void websocket_hub::take_back(std::string& sent) {
  sent.clear();
  if (spares_.size() < spares_max && sent.capacity() <= spare_bytes_max)
    spares_.push_back(std::move(sent));
  std::string{}.swap(sent);
}

std::span<char> websocket_hub::read_space(std::string_view rest) {
  std::copy(rest.begin(), rest.end(), buffer_.begin());
  return std::span{buffer_}.subspan(rest.size());
}

bool websocket_hub::handle(websocket_session& from, std::string_view json) {
  auto message = decoder_.decode(json);
  if (!message) {
    srv_.web.bad_messages.add();
    gate().count_refusal(transport::ws, refusal_kind::bad_announce);
    say_failure(from, message.error());
    return false;
  }
  if (auto* announce = std::get_if<ws_announce>(&*message))
    on_announce(from, std::move(*announce));
  else if (auto* answer = std::get_if<ws_answer>(&*message))
    on_answer(from, std::move(*answer));
  else if (auto* scrape = std::get_if<ws_scrape>(&*message))
    on_scrape(from, *scrape);
  else
    on_agent(from, std::move(std::get<ws_agent>(*message)));
  return true;
}

// -- messages ------------------------------------------------------------------------

void websocket_hub::on_announce(websocket_session& from, ws_announce announce) {
  ws_fault about{ws_action::announce, announce.swarm, {}};
  if (!gate().within_rate(from.client().address, now_)) {
    refuse(from, about, rate_refusal());
    return;
  }
  auto known = gate().enter(announce.swarm);
  auto in_doubt = !known && known.error().kind == refusal_kind::unregistered;
  if (known)
    pass_on(from, std::move(announce), known->swarm);
  else if (auto* inquiry = in_doubt ? port_.inquiry() : nullptr)
    inquire(from, std::move(announce), *inquiry);
  else
    refuse(from, about, known.error());
}

void websocket_hub::inquire(websocket_session& from, ws_announce announce, edge_inquiry& through) {
  auto swarm = announce.swarm;
  if (!through.has_room(swarm)) {
    answer_without_peers(from, swarm);
    return;
  }
  auto then = [this, session = from.shared_from_this(),
               announce = std::move(announce)](inquiry_outcome outcome) {
    if (!session->open())
      return;
    if (outcome == inquiry_outcome::registered)
      pass_on(*session, announce, srv_.node.directory().lookup(announce.swarm).swarm);
    else if (outcome == inquiry_outcome::unregistered)
      refuse(*session, {ws_action::announce, announce.swarm, {}}, tracker_gate::unregistered());
    else
      answer_without_peers(*session, announce.swarm);
  };
  through.ask(swarm, std::move(then));
}

void websocket_hub::pass_on(websocket_session& from, ws_announce announce,
                            const swarm_actor& swarm) {
  web_announce req;
  req.swarm = announce.swarm;
  req.id = announce.peer;
  req.identity = gate().identity_of(announce.peer, {});
  req.client = from.client().address;
  req.uploaded = announce.uploaded_bytes;
  req.downloaded = announce.downloaded_bytes;
  req.left = announce.left_bytes;
  req.event = announce.event;
  req.offers = std::move(announce.offers);
  req.user = from.client().user;
  req.arrived_us = microseconds(now_);
  gate().count_announce(transport::ws, req.client.family);
  announce_as(from.peer(), std::move(req), swarm);
}

/// Nobody knows whether there is such a swarm: the client comes again.
void websocket_hub::answer_without_peers(websocket_session& to, const info_hash& swarm) {
  gate().count_announce(transport::ws, to.client().address.family);
  gate().count_unanswered();
  text_.clear();
  append_ws_reply(text_, {swarm, srv_.node.web_interval_s(), 0, 0});
  to.say(text_);
}

void websocket_hub::on_answer(websocket_session& from, ws_answer answer) {
  caf::anon_send(from.peer(), web_answer{answer.swarm, answer.peer, answer.to,
                                         ws_offer{answer.offer, std::move(answer.sdp)}});
}

void websocket_hub::on_scrape(websocket_session& from, const ws_scrape& scrape) {
  if (!gate().within_rate(from.client().address, now_)) {
    refuse(from, {ws_action::scrape, {}, {}}, rate_refusal());
    return;
  }
  auto pending
      = std::make_unique<pending_scrape>(from.shared_from_this(), gate().config().interval_min_s);
  std::vector<scraped_swarm> asked;
  for (auto& hash : scrape.swarms) {
    auto known = gate().enter(hash);
    if (!known)
      continue; // As over HTTP: nobody is told about it.
    auto index = static_cast<uint32_t>(pending->size());
    if (auto plan = port_.plan_scrape(index, hash, std::move(known->swarm)))
      asked.push_back(std::move(*plan));
    // A swarm without peers sleeps, but its completions are not forgotten.
    auto entry = known->registered ? srv_.node.directory().registration_of(hash) : nullptr;
    pending->add({hash, 0, 0, entry ? entry->completions : 0});
  }
  gate().count_scrape(transport::ws);
  if (asked.empty())
    pending.release()->on_scraped();
  else
    port_.scrape(asked, *pending.release(), now_);
}

/// Its card lives as long as its peer actor, which takes it away.
void websocket_hub::note_agent(websocket_session& from, ws_agent said) {
  if (!desk_.agents->put(from.peer()->id(), from.client().address, std::move(said))) {
    refuse(from, {ws_action::agent, {}, {}}, {refusal_kind::bad_announce, "too many agents", {}});
    return;
  }
  text_.clear();
  append_ws_agent_reply(text_, static_cast<uint32_t>(defaults::agent_interval.count()));
  from.say(text_);
}

void websocket_hub::on_agent(websocket_session& from, ws_agent said) {
  ws_fault about{ws_action::agent, {}, {}};
  if (!gate().within_rate(from.client().address, now_))
    refuse(from, about, rate_refusal());
  else if (!from.client().trusted)
    refuse(from, about, {refusal_kind::unauthorized, "agents need the registry key", {}});
  else
    note_agent(from, std::move(said));
}

void websocket_hub::refuse(websocket_session& to, const ws_fault& about, const refusal& why) {
  gate().count_refusal(transport::ws, why.kind);
  say_failure(to, {about.action, about.swarm, why.reason});
}

void websocket_hub::say_failure(websocket_session& to, const ws_fault& fault) {
  text_.clear();
  append_ws_failure(text_, fault);
  to.say(text_);
}

} // namespace shoal::http
