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
enum class manner : uint16_t { echoes = 1, echoes_late, forgets, keeps, refuses, notes };

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
    bool done = false; ///< The handler saw it.
    bool certainly_not = false;
  };

  void violation(const std::string& what) { violations.push_back(what); }

  sim::sim_host& start(const cluster::link_identity& self) {
    auto& host = net.start(self);
    for (auto kind : {manner::echoes, manner::echoes_late, manner::forgets, manner::keeps,
                      manner::refuses, manner::notes})
      host.serve(static_cast<uint16_t>(kind),
                 [this, to = self.node](auto& x, auto reply) { handle(to, x, std::move(reply)); });
    return host;
  }

  void handle(const std::string& to, const cluster::link_message& x, cluster::link_reply reply) {
    auto number = std::stoull(std::string{x.body.substr(0, x.body.find(' '))});
    auto& last = seen[{std::string{x.from}, to}];
    if (number <= last)
      violation("out of order");
    last = number;
    requests[number].done = true;
    switch (static_cast<manner>(x.kind)) {
    case manner::echoes:
      return reply(std::string{x.body});
    case manner::echoes_late:
      return time.after(time.random.between(0ms, 2s),
                        [reply, body = std::string{x.body}] { reply(body); });
    case manner::refuses:
      return reply(fail(ec::not_found, "never heard of it"));
    case manner::keeps:
      return kept.push_back(std::move(reply));
    default:
      return;
    }
  }

  size_t some_size() {
    auto kind = time.random.below(20);
    return kind == 0 ? time.random.below(1024 * 1024 - 32) : time.random.below(300);
  }

  void ask(const std::string& from, const std::string& to, manner kind, sim::duration patience,
           size_t size_bytes = 100) {
    auto number = ++last_number;
    auto body = std::to_string(number) + ' ' + std::string(size_bytes, 'x');
    requests[number] = {from, to, kind, body, 0, false, false};
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
    if (answer && (*answer != x.body || !x.done))
      violation("an answer to something else");
    if (!answer && x.kind != manner::forgets && x.kind != manner::refuses)
      x.certainly_not = answer.error().code != ec::timeout;
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
