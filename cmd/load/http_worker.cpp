// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/http_requests.hpp"
#include "cmd/load/stream.hpp"
#include "cmd/load/targets.hpp"
#include "cmd/load/worker.hpp"

#include <array>
#include <deque>
#include <string>
#include <sys/epoll.h>
#include <vector>

namespace shoal::load {

namespace {

constexpr unsigned source_range = 0; ///< As that of UDP: a peer has the same address over both.
constexpr std::chrono::milliseconds check_period{100};
constexpr std::chrono::milliseconds retry_after{20};

struct pending {
  request_kind kind;
  mono_time since;
};

struct client {
  stream connection;
  response_reader reader;
  std::deque<pending> asked;
  endpoint target;
  unsigned source = 0;
  bool queued = false;
  bool heard = false;     ///< Something came on this connection.
  mono_time not_before{}; ///< After a failure, for a while.
};

/// Clients of an HTTP server on one thread: an epoll loop over raw sockets, since the generator
/// must cost less than the server that it measures.
class http_worker : public worker {
public:
  http_worker(load_context& context, share part);

  result<void> open() override;
  void run(request_plan& plan, pacer& pace) override;

private:
  void pump(mono_time now);
  void ask(uint32_t index, mono_time now, uint64_t allowed);
  void append_request(client& c, const planned_request& request, mono_time begin);
  std::optional<planned_request> next_request(unsigned source);
  void on_ready(uint32_t index);
  bool take(client& c, std::string_view bytes, mono_time now);
  void answered(client& c, mono_time now);
  void on_end(uint32_t index, bool failed, mono_time now);
  void queue(uint32_t index);
  void check_deadlines(mono_time now);
  int64_t pause(mono_time now);

  load_context& context_;
  const load_options& options_;
  std::optional<tls_client> tls_;
  std::vector<http_requests> requests_; ///< Of each client, for its target.
  std::vector<client> clients_;
  std::deque<uint32_t> ready_;    ///< Who may send.
  std::vector<uint32_t> resting_; ///< Who failed a moment ago.
  descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  uint64_t in_flight_ = 0;
  uint64_t in_flight_max_;
  uint64_t told_ = 0; ///< Requests reported to the context.
  mono_time next_check_{};
  request_plan* plan_ = nullptr;
  pacer* pace_ = nullptr;
  std::array<char, 64 * 1024> buffer_;
};

http_worker::http_worker(load_context& context, share part)
    : context_{context}, options_{context.options}, in_flight_max_{std::max(1u, options_.in_flight
                                                                                    / part.count)} {
  if (options_.tls)
    tls_.emplace();
  auto targets = spread(options_, options_.connections);
  for (unsigned i = part.number; i < options_.connections; i += part.count) {
    client c;
    c.target = targets[i];
    c.source = i % options_.sources;
    clients_.push_back(std::move(c));
  }
}

result<void> http_worker::open() {
  for (auto& c : clients_)
    requests_.emplace_back(options_, c.target);
  return {};
}

void http_worker::run(request_plan& plan, pacer& pace) {
  plan_ = &plan;
  pace_ = &pace;
  ready_.clear();
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    clients_[i].queued = false;
    queue(i);
  }
  std::array<epoll_event, 256> events;
  for (;;) {
    auto now = mono_now();
    pump(now);
    auto ended = pace.over(now) || context_.cancelled || (ready_.empty() && resting_.empty());
    if (ended && in_flight_ == 0)
      break;
    auto count = wait_for_events(epoll_.fd(), events, pause(now));
    for (size_t i = 0; i < count; ++i)
      on_ready(static_cast<uint32_t>(events[i].data.u64));
    if (now >= next_check_)
      check_deadlines(mono_now());
  }
}

int64_t http_worker::pause(mono_time now) {
  auto waits = !ready_.empty() && in_flight_ < in_flight_max_;
  auto longest = waits ? pace_->wait(now) : std::chrono::nanoseconds{check_period};
  return longest.count();
}

void http_worker::queue(uint32_t index) {
  if (!std::exchange(clients_[index].queued, true))
    ready_.push_back(index);
}

void http_worker::pump(mono_time now) {
  auto allowed
      = std::min(pace_->allowance(now), in_flight_max_ - std::min(in_flight_max_, in_flight_));
  while (allowed > 0 && !ready_.empty() && !context_.cancelled) {
    auto index = ready_.front();
    ready_.pop_front();
    auto& c = clients_[index];
    c.queued = false;
    if (now < c.not_before) {
      resting_.push_back(index);
      continue;
    }
    auto sent_before = seen_->sent_total();
    ask(index, now, allowed);
    auto used = seen_->sent_total() - sent_before;
    pace_->spend(used);
    allowed -= used;
  }
  auto sent = seen_->sent_total();
  context_.sent += sent - std::exchange(told_, sent);
}

/// Sends as many requests as the client may have under way, and no more than `allowed`.
void http_worker::ask(uint32_t index, mono_time now, uint64_t allowed) {
  auto& c = clients_[index];
  // A connection of its own for each: connecting is part of what is timed.
  auto begin = options_.close ? mono_now() : now;
  if (!c.connection.is_open()) {
    auto opened = c.connection.open(c.target, source_range, c.source, tls_ ? &*tls_ : nullptr);
    if (!opened) {
      c.heard = false;
      return on_end(index, true, now);
    }
    if (!options_.close)
      c.connection.no_delay();
    ++seen_->connections;
    c.reader = {};
    c.heard = false;
  }
  auto most = options_.close ? 1 : options_.pipeline;
  for (; c.asked.size() < most && allowed > 0; --allowed) {
    auto request = next_request(c.source);
    if (!request)
      break;
    append_request(c, *request, begin);
  }
  if (c.asked.empty())
    return;
  if (!c.connection.flush() || !c.connection.update_interest(epoll_.fd(), index))
    on_end(index, true, now);
  seen_->bytes_sent += c.connection.take_sent();
}

std::optional<planned_request> http_worker::next_request(unsigned source) {
  if (options_.get_path.empty() && options_.get_paths.empty())
    return plan_->next(source);
  return planned_request{request_kind::get, 0, 0, announce_event::none, 0};
}

void http_worker::append_request(client& c, const planned_request& request, mono_time begin) {
  auto& text = requests_[static_cast<size_t>(&c - clients_.data())];
  auto& out = c.connection.output();
  if (request.kind == request_kind::get)
    text.append_get(out);
  else if (request.kind == request_kind::scrape)
    text.append_scrape(out, request, context_.all);
  else
    text.append_announce(out, request, context_.all);
  c.asked.push_back({request.kind, begin});
  seen_->count_sent(request.kind);
  ++in_flight_;
}

void http_worker::on_ready(uint32_t index) {
  auto& c = clients_[index];
  if (!c.connection.is_open())
    return;
  if (!c.connection.output().empty() && !c.connection.flush())
    return on_end(index, true, mono_now());
  seen_->bytes_sent += c.connection.take_sent();
  for (;;) {
    auto n = c.connection.read(buffer_.data(), buffer_.size());
    auto now = mono_now();
    if (n == -1)
      break;
    if (n <= 0)
      return on_end(index, n < 0, now);
    seen_->bytes_received += static_cast<uint64_t>(n);
    c.heard = true;
    if (!take(c, {buffer_.data(), static_cast<size_t>(n)}, now))
      return on_end(index, false, now);
    if (static_cast<size_t>(n) < buffer_.size() && !c.connection.may_have_more())
      break;
  }
  if (!c.connection.update_interest(epoll_.fd(), index))
    return on_end(index, true, mono_now());
  if (c.asked.size() < options_.pipeline)
    queue(index);
}

/// @returns false if the connection is of no more use.
bool http_worker::take(client& c, std::string_view bytes, mono_time now) {
  while (!bytes.empty()) {
    auto got = c.asked.empty() ? response_reader::progress::broken : c.reader.feed(bytes);
    if (got == response_reader::progress::more)
      return true;
    if (got == response_reader::progress::broken) {
      seen_->count(c.asked.empty() ? trouble::mismatched : trouble::malformed);
      if (!c.asked.empty()) {
        c.asked.pop_front();
        --in_flight_;
      }
      return false;
    }
    answered(c, now);
    if (options_.close || c.reader.closes())
      return false;
  }
  return true;
}

void http_worker::answered(client& c, mono_time now) {
  auto [kind, since] = c.asked.front();
  c.asked.pop_front();
  --in_flight_;
  seen_->count_answer(kind, since, now);
  if (auto wrong = judge(kind, c.reader, seen_->peers_received))
    seen_->count(*wrong);
}

void http_worker::on_end(uint32_t index, bool failed, mono_time now) {
  auto& c = clients_[index];
  if (!failed && !c.asked.empty() && c.reader.end())
    answered(c, now);
  auto never = failed && !c.heard;
  if (never)
    seen_->count(trouble::unconnected);
  for (size_t i = 0; !never && i < c.asked.size(); ++i)
    seen_->count(trouble::disconnected);
  in_flight_ -= c.asked.size();
  c.asked.clear();
  c.connection.close();
  if (failed)
    c.not_before = now + retry_after;
  queue(index);
}

void http_worker::check_deadlines(mono_time now) {
  next_check_ = now + check_period / 4;
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    auto& c = clients_[i];
    if (c.asked.empty() || now - c.asked.front().since < options_.timeout)
      continue;
    for (size_t n = 0; n < c.asked.size(); ++n)
      seen_->count(trouble::timeout);
    in_flight_ -= c.asked.size();
    c.asked.clear();
    on_end(i, false, now);
  }
  for (auto index : std::exchange(resting_, {}))
    queue(index);
}

} // namespace

std::unique_ptr<worker> make_http_worker(load_context& context, worker::share part) {
  return std::make_unique<http_worker>(context, part);
}

} // namespace shoal::load
