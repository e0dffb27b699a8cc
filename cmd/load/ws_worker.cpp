// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/http_requests.hpp"
#include "cmd/load/stream.hpp"
#include "cmd/load/targets.hpp"
#include "cmd/load/worker.hpp"
#include "cmd/load/ws_frames.hpp"
#include "cmd/load/ws_messages.hpp"

#include <array>
#include <deque>
#include <functional>
#include <sys/epoll.h>

namespace shoal::load {

namespace {

constexpr unsigned source_range = 3;
constexpr unsigned handshakes_max = 256; ///< At once.
constexpr std::chrono::milliseconds check_period{25};
constexpr std::chrono::milliseconds retry_after{100};
constexpr std::chrono::seconds handshake_timeout{10};

struct client {
  enum class state : uint8_t { closed, opening, open };

  stream connection;
  response_reader handshake;
  ws_reader frames;
  ws_peer peer;
  endpoint target;
  unsigned source;
  state now = state::closed;
  bool introduced = false; ///< Has announced since it is open.
  bool queued = false;
  bool waiting = false; ///< For the answer to `asked`.
  request_kind asked = request_kind::announce;
  mono_time since{}; ///< When it asked, or began to connect.
  mono_time not_before{};
};

/// WebTorrent peers on one thread, each on a connection of its own. A peer has one question open at
/// a time; offers that the tracker relays to it are answered in between.
class ws_worker : public worker {
public:
  ws_worker(load_context& context, share part);

  result<void> open() override;
  void run(request_plan& plan, pacer& pace) override;

private:
  bool turn(int64_t timeout_ns);
  void pump(mono_time now);
  void connect(uint32_t index, mono_time now);
  bool ask(uint32_t index, mono_time now);
  void send(client& c, ws_opcode opcode, std::string_view payload);
  void on_ready(uint32_t index);
  bool take(client& c, std::string_view bytes);
  bool take_handshake(client& c, std::string_view& bytes);
  bool take_message(client& c);
  void answered(client& c, request_kind kind);
  void on_end(uint32_t index, bool failed);
  void queue(uint32_t index);
  void check_deadlines(mono_time now);
  void settle(uint32_t index);

  load_context& context_;
  const load_options& options_;
  std::optional<tls_client> tls_;
  std::vector<client> clients_;
  std::deque<uint32_t> ready_;
  std::vector<uint32_t> resting_;
  descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  uint64_t opening_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t in_flight_max_;
  uint64_t told_ = 0;
  uint64_t serial_; ///< Of offers.
  uint32_t mask_ = 0x5bd1e995;
  mono_time next_check_{};
  request_plan* plan_ = nullptr; ///< Null while connections are opened only.
  pacer* pace_ = nullptr;
  std::string text_;
  std::array<char, 256 * 1024> buffer_;
};

ws_worker::ws_worker(load_context& context, share part)
    : context_{context}, options_{context.options},
      in_flight_max_{std::max(1u, options_.in_flight / part.count)}, serial_{uint64_t{part.number}
                                                                             << 40} {
  if (options_.tls)
    tls_.emplace();
  auto targets = spread(options_, options_.connections);
  for (unsigned i = part.number; i < options_.connections; i += part.count)
    clients_.push_back({.connection = {},
                        .handshake = {},
                        .frames = {},
                        .peer = {context.all, i % options_.swarms, i / options_.swarms},
                        .target = targets[i],
                        .source = i % options_.sources});
}

result<void> ws_worker::open() {
  for (uint32_t i = 0; i < clients_.size(); ++i)
    queue(i);
  auto deadline = mono_now() + handshake_timeout + std::chrono::milliseconds{clients_.size()};
  while ((opening_ > 0 || !ready_.empty() || !resting_.empty()) && mono_now() < deadline
         && !context_.cancelled) {
    pump(mono_now());
    turn(std::chrono::nanoseconds{check_period}.count());
  }
  if (seen_->connections == 0)
    return fail(ec::unavailable, "no WebSocket could be opened");
  return {};
}

void ws_worker::run(request_plan& plan, pacer& pace) {
  plan_ = &plan;
  pace_ = &pace;
  told_ = 0;
  ready_.clear();
  // Idle peers have introduced themselves in the prefill.
  auto silent = options_.idle && clients_[0].introduced;
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    clients_[i].queued = false;
    seen_->connections += clients_[i].now == client::state::open ? 1 : 0; // Opened before.
    if (!silent)
      queue(i);
  }
  for (;;) {
    auto now = mono_now();
    pump(now);
    auto idle = ready_.empty() && resting_.empty() && opening_ == 0 && !silent;
    if ((pace.over(now) || context_.cancelled || idle) && in_flight_ == 0)
      break;
    turn((ready_.empty() ? std::chrono::nanoseconds{check_period} : pace.wait(now)).count());
  }
}

/// Handles what has come. @returns false if nothing came.
bool ws_worker::turn(int64_t timeout_ns) {
  std::array<epoll_event, 256> events;
  auto count = wait_for_events(epoll_.fd(), events, timeout_ns);
  for (size_t i = 0; i < count; ++i)
    on_ready(static_cast<uint32_t>(events[i].data.u64));
  if (auto now = mono_now(); now >= next_check_)
    check_deadlines(now);
  return count > 0;
}

void ws_worker::queue(uint32_t index) {
  if (!std::exchange(clients_[index].queued, true))
    ready_.push_back(index);
}

void ws_worker::pump(mono_time now) {
  auto rounds = ready_.size();
  auto allowed = pace_ ? pace_->allowance(now) : 0;
  while (rounds-- > 0 && !context_.cancelled) {
    auto index = ready_.front();
    auto& c = clients_[index];
    auto blocked = c.now == client::state::open
                       ? plan_ && (allowed == 0 || in_flight_ >= in_flight_max_)
                       : opening_ >= handshakes_max;
    if (blocked)
      break;
    ready_.pop_front();
    c.queued = false;
    if (c.now == client::state::open) {
      if (plan_ && ask(index, now)) {
        --allowed;
        pace_->spend(1);
      }
    } else if (now < c.not_before) {
      resting_.push_back(index);
    } else {
      connect(index, now);
    }
  }
  auto sent = seen_->sent_total();
  context_.sent += sent - std::exchange(told_, sent);
}

void ws_worker::connect(uint32_t index, mono_time now) {
  auto& c = clients_[index];
  c.since = now;
  ++opening_;
  c.now = client::state::opening;
  auto opened = c.connection.open(c.target, source_range, c.source, tls_ ? &*tls_ : nullptr);
  if (!opened)
    return on_end(index, true);
  c.connection.no_delay();
  c.handshake = {};
  c.frames = {};
  c.introduced = false;
  http_requests{options_, c.target}.append_upgrade(c.connection.output());
  settle(index);
}

bool ws_worker::ask(uint32_t index, mono_time now) {
  auto& c = clients_[index];
  auto request = options_.idle && c.introduced ? std::nullopt : plan_->next(c.source);
  if (!request)
    return false;
  auto scrapes = request->kind == request_kind::scrape && c.introduced;
  c.asked = scrapes ? request_kind::scrape : request_kind::announce;
  text_.clear();
  if (scrapes)
    c.peer.append_scrape(text_);
  else
    c.peer.append_announce(text_, c.introduced ? request->event : announce_event::started,
                           options_.idle ? 0 : options_.offers, ++serial_);
  c.introduced = request->event != announce_event::stopped || scrapes;
  c.waiting = true;
  c.since = now;
  ++in_flight_;
  seen_->count_sent(c.asked);
  send(c, ws_opcode::text, text_);
  settle(index);
  return true;
}

void ws_worker::send(client& c, ws_opcode opcode, std::string_view payload) {
  append_frame(c.connection.output(), opcode, payload, mask_ += 0x9e3779b9);
}

/// Sends what is in the output, and closes if that fails.
void ws_worker::settle(uint32_t index) {
  auto& c = clients_[index];
  auto sound = c.connection.flush() && c.connection.update_interest(epoll_.fd(), index);
  seen_->bytes_sent += c.connection.take_sent();
  if (!sound)
    on_end(index, true);
}

void ws_worker::on_ready(uint32_t index) {
  auto& c = clients_[index];
  if (!c.connection.is_open())
    return;
  for (;;) {
    auto n = c.connection.read(buffer_.data(), buffer_.size());
    if (n == -1)
      break;
    if (n <= 0)
      return on_end(index, n < 0);
    seen_->bytes_received += static_cast<uint64_t>(n);
    if (!take(c, {buffer_.data(), static_cast<size_t>(n)}))
      return on_end(index, true);
    if (static_cast<size_t>(n) < buffer_.size() && !c.connection.may_have_more())
      break;
  }
  settle(index);
  if (c.now == client::state::open && !c.waiting && !(options_.idle && c.introduced))
    queue(index);
}

bool ws_worker::take(client& c, std::string_view bytes) {
  while (!bytes.empty()) {
    if (c.now == client::state::opening) {
      if (!take_handshake(c, bytes))
        return false;
      continue;
    }
    auto got = c.frames.feed(bytes);
    if (got == ws_reader::progress::broken)
      seen_->count(trouble::malformed);
    if (got == ws_reader::progress::broken
        || (got == ws_reader::progress::message && !take_message(c)))
      return false;
  }
  return true;
}

bool ws_worker::take_handshake(client& c, std::string_view& bytes) {
  auto got = c.handshake.feed(bytes);
  if (got == response_reader::progress::more)
    return true;
  if (got == response_reader::progress::broken || c.handshake.status() != 101) {
    seen_->count(got == response_reader::progress::broken ? trouble::malformed : trouble::status);
    return false;
  }
  c.now = client::state::open;
  --opening_;
  ++seen_->connections;
  return true;
}

bool ws_worker::take_message(client& c) {
  auto payload = c.frames.payload();
  if (c.frames.opcode() == ws_opcode::ping)
    send(c, ws_opcode::pong, payload);
  if (c.frames.opcode() == ws_opcode::close)
    return false;
  if (c.frames.opcode() != ws_opcode::text)
    return true;
  switch (kind_of(payload)) {
  case ws_message::announced:
    answered(c, request_kind::announce);
    break;
  case ws_message::scraped:
    answered(c, request_kind::scrape);
    break;
  case ws_message::offer:
    ++seen_->offers_received;
    text_.clear();
    if (c.peer.append_answer(text_, payload))
      send(c, ws_opcode::text, text_);
    else
      seen_->count(trouble::malformed);
    break;
  case ws_message::answer:
    ++seen_->answers_received;
    break;
  case ws_message::failure:
    seen_->count(trouble::refused);
    answered(c, c.asked);
    break;
  case ws_message::unknown:
    seen_->count(trouble::malformed);
  }
  return true;
}

void ws_worker::answered(client& c, request_kind kind) {
  if (!c.waiting || c.asked != kind)
    return seen_->count(trouble::mismatched);
  c.waiting = false;
  --in_flight_;
  seen_->count_answer(kind, c.since, mono_now());
}

void ws_worker::on_end(uint32_t index, bool failed) {
  auto& c = clients_[index];
  if (c.now == client::state::opening) {
    --opening_;
    seen_->count(trouble::unconnected);
  } else if (c.now == client::state::open && !c.waiting) {
    seen_->count(trouble::disconnected);
  }
  if (std::exchange(c.waiting, false)) {
    seen_->count(trouble::disconnected);
    --in_flight_;
  }
  c.now = client::state::closed;
  c.connection.close();
  c.not_before = failed ? mono_now() + retry_after : mono_time{};
  queue(index);
}

void ws_worker::check_deadlines(mono_time now) {
  next_check_ = now + check_period;
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    auto& c = clients_[i];
    if (c.waiting && now - c.since >= options_.timeout) {
      seen_->count(trouble::timeout);
      c.waiting = false;
      --in_flight_;
      on_end(i, true);
    } else if (c.now == client::state::opening && now - c.since >= handshake_timeout) {
      on_end(i, true);
    }
  }
  for (auto index : std::exchange(resting_, {}))
    queue(index);
}

} // namespace

std::unique_ptr<worker> make_ws_worker(load_context& context, worker::share part) {
  return std::make_unique<ws_worker>(context, part);
}

} // namespace shoal::load
