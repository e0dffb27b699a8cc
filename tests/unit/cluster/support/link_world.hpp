// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"
#include "core/log.hpp"
#include "tests/sim/sim_network.hpp"

#include <map>
#include <string>
#include <vector>

/// Nodes that ask and tell each other at random, with a book of what must come of it.
namespace shoal::test {

using namespace std::literals;

inline cluster::link_identity identity(const std::string& node, uint64_t incarnation = 1) {
  return {"test", node, incarnation, 7, 1, 1};
}

/// What handlers do with a request.
enum class manner : uint16_t {
  echoes = 1,
  echoes_late,
  forgets,
  keeps,
  refuses,
  turns_away, ///< Says that it has done nothing.
  says_busy,  ///< Says so when it is done.
  inflates,   ///< Answers with much more than it was asked.
  overflows,  ///< Answers with more than a message holds.
  notes
};

inline constexpr auto last_manner = manner::notes;

struct link_world {
  explicit link_world(uint64_t seed, sim::wire_plan plan = {}) : time{seed}, net{time, plan} {
    spdlog::set_level(spdlog::level::off); // Links come and go by the thousand.
  }

  struct request {
    std::string from;
    std::string to;
    manner kind;
    std::string body;
    unsigned outcomes = 0;
    bool done = false; ///< By the handler.
    bool certainly_not = false;
    std::string answer; ///< What the handler says.
  };

  void violation(const std::string& what) { violations.push_back(what); }

  sim::sim_host& start(const cluster::link_identity& self) {
    auto& host = net.start(self);
    for (uint16_t kind = 1; kind <= static_cast<uint16_t>(last_manner); ++kind)
      host.serve(kind,
                 [this, to = self.node](auto& x, auto reply) { handle(to, x, std::move(reply)); });
    return host;
  }

  void handle(const std::string& to, const cluster::link_message& x, cluster::link_reply reply) {
    auto number = std::stoull(std::string{x.body.substr(0, x.body.find(' '))});
    auto& last = seen[{std::string{x.from}, to}];
    if (number <= last)
      violation("out of order");
    last = number;
    if (x.is_request && x.deadline <= time.now())
      violation("a handler is asked when nobody waits");
    auto& book = requests[number];
    book.done = static_cast<manner>(x.kind) != manner::turns_away;
    book.answer = answer_to(static_cast<manner>(x.kind), x.body);
    switch (static_cast<manner>(x.kind)) {
    case manner::echoes:
    case manner::inflates:
    case manner::overflows:
      return reply(book.answer);
    case manner::echoes_late:
      return time.after(time.random.between(0ms, 2s),
                        [reply, body = std::string{x.body}] { reply(body); });
    case manner::turns_away:
      return reply.refuse(ec::busy, "not now");
    case manner::says_busy:
      return reply(fail(number % 2 == 0 ? ec::busy : ec::unavailable, "half of it is done"));
    case manner::refuses:
      return reply(fail(ec::not_found, "never heard of it"));
    case manner::keeps:
      return kept.push_back(std::move(reply));
    default:
      return;
    }
  }

  static std::string answer_to(manner kind, std::string_view body) {
    std::string answer{body};
    if (kind == manner::inflates)
      answer.append(limits::link_body_bytes_max - body.size(), 'y');
    if (kind == manner::overflows)
      answer.append(limits::link_body_bytes_max, 'y');
    return answer;
  }

  size_t some_size() {
    auto kind = time.random.below(20);
    return kind == 0 ? time.random.below(1024 * 1024 - 32) : time.random.below(300);
  }

  void ask(const std::string& from, const std::string& to, manner kind, sim::duration patience,
           size_t size_bytes = 100) {
    auto number = ++last_number;
    auto body = std::to_string(number) + ' ' + std::string(size_bytes, 'x');
    requests[number] = {from, to, kind, body, 0, false, false, {}};
    auto* host = net.find(from);
    if (kind == manner::notes) {
      requests[number].outcomes = 1;
      return host->tell(to, static_cast<uint16_t>(kind), body);
    }
    host->call(to, static_cast<uint16_t>(kind), body, time.now() + patience,
               [this, number](auto answer) { outcome(number, answer); });
  }

  void outcome(uint64_t number, const result<std::string>& answer) {
    auto& x = requests[number];
    if (++x.outcomes > 1)
      violation("two outcomes");
    if (answer && (*answer != x.answer || !x.done))
      violation("an answer to something else");
    x.certainly_not = !answer && cluster::says_not_done(answer.error().code);
    x.answer.clear();
    ++results[answer ? "answered" : std::string{name(answer.error().code)}];
  }

  /// What must hold at any time.
  void check_bounds(const std::string& node) {
    for (auto& x : net.find(node)->core.numbers())
      if (x.queue_bytes > 2 * limits::link_queue_bytes_max || x.pending > limits::link_requests_max
          || x.credit_bytes > limits::link_window_bytes || x.open > limits::link_requests_max)
        violation("a bound is exceeded");
  }

  /// What must hold when all is over.
  void check_end(const std::vector<std::string>& nodes) {
    for (auto& [number, x] : requests) {
      if (x.outcomes != 1)
        violation("a request without an outcome");
      if (x.certainly_not && x.done)
        violation("done, though certainly not done");
    }
    for (auto& node : nodes) {
      auto all = net.find(node)->core.numbers();
      if (all.size() != nodes.size() - 1)
        violation("a link is missing");
      for (auto& x : all)
        if (x.credit_bytes != limits::link_window_bytes || x.queue_bytes + x.pending + x.open != 0)
          violation("credit leaks");
    }
  }

  sim::timeline time;
  sim::sim_network net;
  std::map<uint64_t, request> requests;
  std::map<std::pair<std::string, std::string>, uint64_t> seen;
  std::vector<cluster::link_reply> kept;
  std::map<std::string, uint64_t> results;
  std::vector<std::string> violations;
  uint64_t last_number = 0;
};

} // namespace shoal::test
