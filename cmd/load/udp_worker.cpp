// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/socket.hpp"
#include "cmd/load/targets.hpp"
#include "cmd/load/worker.hpp"
#include "core/limits.hpp"
#include "protocol/udp_tracker.hpp"

#include <array>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>

namespace shoal::load {

namespace {

constexpr unsigned source_range = 0;   ///< As that of HTTP: a peer has the same address over both.
constexpr unsigned stranger_range = 4; ///< Whoever forges ids may be banned: not from here.
constexpr size_t batch_size = 64;
constexpr size_t request_bytes_max = 16 + 20 * limits::udp_scrape_hashes_max;
constexpr std::chrono::milliseconds check_period{20};

/// Clients renew their id after a minute, trackers accept it for two. @source BEP 15
constexpr std::chrono::seconds renew_after{50};

/// A request under way. The low half of its transaction id is its place, the high half counts.
struct slot {
  mono_time since{};
  uint32_t transaction = 0;
  request_kind kind = request_kind::connect;
  bool waiting = false;
  bool shown = false; ///< A connect that renews an id is not part of the load.
};

struct client {
  descriptor socket;
  ip_family family = ip_family::v4;
  unsigned source = 0;
  uint64_t connection = 0;
  mono_time renewed{};
  bool connected = false;
  bool renewing = false;
  bool exhausted = false; ///< Its plan has no more.
  std::vector<slot> slots;
  std::vector<uint16_t> free;
  uint16_t count = 0;
};

/// Packets that go to the kernel, or come from it, with one call.
struct batch {
  std::array<std::array<uint8_t, limits::udp_packet_bytes_max>, batch_size> bytes;
  std::array<iovec, batch_size> vectors{};
  std::array<mmsghdr, batch_size> messages{};
  std::array<uint16_t, batch_size> slots{}; ///< Of what is sent.

  batch() {
    for (size_t i = 0; i < batch_size; ++i) {
      vectors[i] = {bytes[i].data(), bytes[i].size()};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

/// UDP clients on one thread, each with a connected socket of its own. Many packets per system
/// call: a generator that costs more than the server would measure itself.
class udp_worker : public worker {
public:
  udp_worker(load_context& context, share part);

  result<void> open() override;
  void run(request_plan& plan, pacer& pace) override;

private:
  void turn(int64_t timeout_ns);
  void fill_all(mono_time now);
  void tell();
  void fill(client& c, mono_time now, uint64_t& allowed);
  bool write_connect(client& c, mono_time now, bool shown);
  bool write_planned(client& c, const planned_request& request, mono_time now);
  size_t write_announce(std::span<uint8_t> out, const planned_request& request,
                        const udp_head& head) const;
  size_t write_scrape(std::span<uint8_t> out, const planned_request& request,
                      const udp_head& head) const;
  uint32_t take_slot(client& c, request_kind kind, mono_time now, bool shown);
  void free_slot(client& c, uint16_t index);
  void flush(client& c);
  void forge(const planned_request& request);
  void receive(client& c, mono_time now);
  void take(client& c, std::span<const uint8_t> packet, mono_time now);
  std::optional<trouble> judge(client& c, const slot& asked, const udp_reply& reply, mono_time now);
  void check_deadlines(mono_time now);

  load_context& context_;
  const load_options& options_;
  share part_;
  std::string url_;
  std::vector<client> clients_;
  std::vector<descriptor> strangers_;
  size_t next_client_ = 0;
  size_t next_stranger_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t told_ = 0;
  mono_time next_check_{};
  mono_time next_fill_{};
  random_source random_;
  descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  request_plan* plan_ = nullptr;
  pacer* pace_ = nullptr;
  size_t filled_ = 0; ///< Packets in `out_`.
  batch in_;
  batch out_;
};

udp_worker::udp_worker(load_context& context, share part)
    : context_{context}, options_{context.options}, part_{part}, url_{options_.passkey.empty()
                                                                          ? "/announce"
                                                                          : "/announce/"
                                                                                + options_.passkey},
      random_{options_.seed + part.number} {}

result<void> udp_worker::open() {
  auto targets = spread(options_, options_.sources);
  auto window = std::max(1u, options_.in_flight / options_.sources);
  for (unsigned i = part_.number; i < options_.sources; i += part_.count) {
    auto socket = connect_to(targets[i], SOCK_DGRAM, source_range, i);
    if (!socket)
      return tl::unexpected{socket.error()};
    int bytes = 1 << 20;
    ::setsockopt(socket->fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    watch(epoll_.fd(), socket->fd(), EPOLLIN, clients_.size());
    client c;
    c.socket = std::move(*socket);
    c.family = targets[i].address.family;
    c.source = i;
    c.slots.resize(window);
    for (unsigned n = window; n-- > 0;)
      c.free.push_back(static_cast<uint16_t>(n));
    clients_.push_back(std::move(c));
  }
  for (unsigned i = 0; i < (options_.invalid_percent > 0 ? 32u : 0u); ++i) {
    auto socket = connect_to(targets[i % targets.size()], SOCK_DGRAM, stranger_range,
                             part_.number * 32 + i);
    if (socket)
      strangers_.push_back(std::move(*socket));
  }
  return {};
}

void udp_worker::run(request_plan& plan, pacer& pace) {
  plan_ = &plan;
  pace_ = &pace;
  told_ = 0;
  next_fill_ = {};
  for (auto& c : clients_)
    c.exhausted = false;
  for (;;) {
    auto now = mono_now();
    auto exhausted
        = std::all_of(clients_.begin(), clients_.end(), [](auto& c) { return c.exhausted; });
    auto ended = pace.over(now) || context_.cancelled || exhausted;
    if (ended && in_flight_ == 0)
      break;
    // Otherwise each is filled when it has received: see `turn`.
    if (!ended && (options_.rate > 0 || now >= next_fill_)) {
      fill_all(now);
      next_fill_ = now + check_period;
    }
    turn((options_.rate > 0 ? pace.wait(now) : std::chrono::nanoseconds{check_period}).count());
  }
}

void udp_worker::turn(int64_t timeout_ns) {
  std::array<epoll_event, 64> events;
  auto count = wait_for_events(epoll_.fd(), events, timeout_ns);
  for (size_t i = 0; i < count; ++i) {
    auto& c = clients_[events[i].data.u64];
    auto now = mono_now();
    receive(c, now);
    if (options_.rate > 0)
      continue;
    auto allowed = context_.cancelled ? 0 : pace_->allowance(now);
    fill(c, now, allowed);
  }
  if (auto now = mono_now(); now >= next_check_) {
    check_deadlines(now);
    tell();
  }
}

void udp_worker::fill_all(mono_time now) {
  auto allowed = pace_->allowance(now);
  // Another one is the first each time, or a rate would starve the last ones.
  ++next_client_;
  for (size_t i = 0; i < clients_.size(); ++i)
    fill(clients_[(next_client_ + i) % clients_.size()], now, allowed);
}

void udp_worker::tell() {
  auto sent = seen_->sent_total();
  context_.sent += sent - std::exchange(told_, sent);
}

void udp_worker::fill(client& c, mono_time now, uint64_t& allowed) {
  if ((!c.connected || now - c.renewed > renew_after) && !c.renewing && !c.free.empty())
    c.renewing = write_connect(c, now, false);
  while (c.connected && !c.exhausted && allowed > 0 && !c.free.empty()) {
    auto request = plan_->next(c.source);
    if (!request) {
      c.exhausted = true;
      break;
    }
    --allowed;
    pace_->spend(1);
    if (request->kind == request_kind::connect)
      write_connect(c, now, true);
    else if (request->kind == request_kind::invalid && !strangers_.empty())
      forge(*request);
    else
      write_planned(c, *request, now);
    if (filled_ == batch_size)
      flush(c);
  }
  flush(c);
}

uint32_t udp_worker::take_slot(client& c, request_kind kind, mono_time now, bool shown) {
  auto index = c.free.back();
  c.free.pop_back();
  auto& s = c.slots[index];
  s = {now, uint32_t{++c.count} << 16 | index, kind, true, shown};
  out_.slots[filled_] = index;
  ++in_flight_;
  if (shown)
    seen_->count_sent(kind);
  return s.transaction;
}

void udp_worker::free_slot(client& c, uint16_t index) {
  c.slots[index].waiting = false;
  c.free.push_back(index);
  --in_flight_;
}

bool udp_worker::write_connect(client& c, mono_time now, bool shown) {
  auto transaction = take_slot(c, request_kind::connect, now, shown);
  out_.vectors[filled_].iov_len = write_udp_connect(out_.bytes[filled_], transaction);
  ++filled_;
  return true;
}

bool udp_worker::write_planned(client& c, const planned_request& request, mono_time now) {
  auto kind = request.kind == request_kind::scrape ? request_kind::scrape : request_kind::announce;
  udp_head head{c.connection, udp_action::announce, take_slot(c, kind, now, true)};
  auto& out = out_.bytes[filled_];
  out_.vectors[filled_].iov_len = kind == request_kind::scrape ? write_scrape(out, request, head)
                                                               : write_announce(out, request, head);
  ++filled_;
  return true;
}

size_t udp_worker::write_announce(std::span<uint8_t> out, const planned_request& request,
                                  const udp_head& head) const {
  auto peer = context_.all.peer(request.swarm, request.peer);
  udp_announce what;
  what.swarm = context_.all.hash_of(request.swarm);
  what.peer = peer.id;
  what.left_bytes = peer.seed || request.event == announce_event::completed ? 0 : 1 << 20;
  what.event = request.event;
  what.key = peer.key;
  what.numwant = request.numwant;
  what.port = peer.port;
  what.url = url_;
  return write_udp_announce(out, head, what);
}

size_t udp_worker::write_scrape(std::span<uint8_t> out, const planned_request& request,
                                const udp_head& head) const {
  std::array<info_hash, limits::udp_scrape_hashes_max> swarms;
  for (unsigned i = 0; i < options_.scrape_hashes; ++i)
    swarms[i] = context_.all.hash_of((request.swarm + i) % context_.all.swarms());
  return write_udp_scrape(out, head, std::span(swarms).first(options_.scrape_hashes));
}

void udp_worker::flush(client& c) {
  size_t done = 0;
  while (done < filled_) {
    auto n = ::sendmmsg(c.socket.fd(), out_.messages.data() + done,
                        static_cast<unsigned>(filled_ - done), 0);
    if (n <= 0)
      break;
    for (size_t i = done; i < done + static_cast<size_t>(n); ++i)
      seen_->bytes_sent += out_.vectors[i].iov_len;
    done += static_cast<size_t>(n);
  }
  // What the kernel did not take, for want of room or of a listener, was not sent.
  for (auto i = done; i < filled_; ++i) {
    auto& s = c.slots[out_.slots[i]];
    if (s.shown)
      seen_->count(trouble::unconnected);
    else
      c.renewing = false;
    free_slot(c, out_.slots[i]);
  }
  filled_ = 0;
}

/// An announce with an id that nobody issued, sent by somebody else. No good answer may come.
void udp_worker::forge(const planned_request& request) {
  std::array<uint8_t, limits::udp_packet_bytes_max> packet;
  auto& socket = strangers_[next_stranger_++ % strangers_.size()];
  for (;;) {
    auto got = ::recv(socket.fd(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (got <= 0)
      break;
    auto reply = read_udp_reply(std::span(packet).first(static_cast<size_t>(got)), ip_family::v4);
    ++seen_->answered[static_cast<size_t>(request_kind::invalid)];
    if (reply && std::holds_alternative<udp_announce_reply>(*reply))
      seen_->count(trouble::credulous);
  }
  udp_head head{random_.next(), udp_action::announce, static_cast<uint32_t>(random_.next())};
  auto size = write_announce(packet, request, head);
  if (::send(socket.fd(), packet.data(), size, MSG_NOSIGNAL) > 0)
    seen_->count_sent(request_kind::invalid);
}

void udp_worker::receive(client& c, mono_time now) {
  auto count = ::recvmmsg(c.socket.fd(), in_.messages.data(), batch_size, MSG_DONTWAIT, nullptr);
  if (count < 0 && errno == ECONNREFUSED)
    seen_->count(trouble::unconnected);
  if (count > 0)
    now = mono_now();
  for (int i = 0; i < count; ++i) {
    auto n = static_cast<size_t>(i);
    take(c, std::span(in_.bytes[n]).first(in_.messages[n].msg_len), now);
  }
}

void udp_worker::take(client& c, std::span<const uint8_t> packet, mono_time now) {
  seen_->bytes_received += packet.size();
  auto reply = read_udp_reply(packet, c.family);
  if (!reply)
    return seen_->count(trouble::malformed);
  auto transaction = std::visit([](auto& r) { return r.transaction; }, *reply);
  auto index = static_cast<uint16_t>(transaction);
  if (index >= c.slots.size())
    return seen_->count(trouble::mismatched);
  auto asked = c.slots[index];
  if (!asked.waiting || asked.transaction != transaction) {
    ++seen_->late;
    return;
  }
  free_slot(c, index);
  if (asked.shown) {
    seen_->count_answer(asked.kind, asked.since, now);
  } else {
    c.renewing = false;
  }
  if (auto wrong = judge(c, asked, *reply, now))
    seen_->count(*wrong);
}

std::optional<trouble> udp_worker::judge(client& c, const slot& asked, const udp_reply& reply,
                                         mono_time now) {
  if (std::holds_alternative<udp_error_reply>(reply)) {
    c.connected = asked.kind == request_kind::connect; // Perhaps the id is too old.
    return trouble::refused;
  }
  if (auto* connect = std::get_if<udp_connect_reply>(&reply)) {
    c.connection = connect->connection;
    c.renewed = now;
    c.connected = true;
    return asked.kind == request_kind::connect ? std::nullopt : std::optional{trouble::mismatched};
  }
  if (auto* announce = std::get_if<udp_announce_reply>(&reply)) {
    seen_->peers_received += announce->peers.size() / udp_peer_bytes(c.family);
    return asked.kind == request_kind::announce ? std::nullopt : std::optional{trouble::mismatched};
  }
  auto fits = asked.kind == request_kind::scrape
              && std::get<udp_scrape_reply>(reply).size() == options_.scrape_hashes;
  return fits ? std::nullopt : std::optional{trouble::mismatched};
}

void udp_worker::check_deadlines(mono_time now) {
  next_check_ = now + check_period;
  for (auto& c : clients_)
    for (uint16_t i = 0; i < c.slots.size(); ++i) {
      auto& s = c.slots[i];
      if (!s.waiting || now - s.since < options_.timeout)
        continue;
      seen_->count(trouble::timeout);
      if (!s.shown)
        c.renewing = false;
      free_slot(c, i);
    }
}

} // namespace

std::unique_ptr<worker> make_udp_worker(load_context& context, worker::share part) {
  return std::make_unique<udp_worker>(context, part);
}

} // namespace shoal::load
