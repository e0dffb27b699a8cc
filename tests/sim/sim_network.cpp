// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_network.hpp"

#include <algorithm>
#include <utility>

namespace shoal::sim {

using namespace cluster;

// -- a node's place ---------------------------------------------------------------

sim_host::sim_host(sim_network& net, const link_identity& self, link_timing timing)
    : name{self.node}, core{self, timing, net.time.random.next(), [&net] { return net.time.now(); },
                            [](std::function<void()> what) { what(); }},
      net_{net} {}

sim_host::~sim_host() {
  *alive_ = false;
}

void sim_host::run(std::function<void()> what) {
  if (paused_)
    held_.push_back(std::move(what));
  else
    what();
}

void sim_host::pause(bool yes) {
  paused_ = yes;
  if (yes)
    return;
  for (auto& what : std::exchange(held_, {})) // Nothing in there pauses or ends this.
    what();
}

void sim_host::call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
                    callback then) {
  net_.time.after({}, [this, alive = alive_, node, kind, body = std::move(body), deadline,
                       then = std::move(then)]() mutable {
    if (*alive)
      run([=, this] { core.call(node, kind, body, deadline, then); });
  });
}

void sim_host::tell(const std::string& node, uint16_t kind, std::string body) {
  net_.time.after({}, [this, alive = alive_, node, kind, body = std::move(body)] {
    if (*alive)
      run([=, this] { core.tell(node, kind, body); });
  });
}

void sim_host::follow(std::vector<link_peer> peers) {
  core.follow(std::move(peers));
  plan_look(net_.time.now());
}

void sim_host::plan_look(mono_time when) {
  if (when >= look_at_)
    return;
  look_at_ = when;
  net_.time.at(when, [this, alive = alive_] {
    if (*alive)
      run([this] { look(); });
  });
}

void sim_host::look() {
  look_at_ = mono_time::max();
  for (auto& one : core.dials_due())
    net_.dial(name, one);
  plan_look(core.next_dial());
}

// -- the network ------------------------------------------------------------------

sim_host& sim_network::start(const link_identity& self, link_timing timing) {
  auto& place = hosts_[self.node];
  place = std::make_unique<sim_host>(*this, self, timing);
  return *place;
}

sim_host* sim_network::find(const std::string& node) {
  auto found = hosts_.find(node);
  return found == hosts_.end() ? nullptr : found->second.get();
}

void sim_network::on_host(const std::string& node, std::function<void()> what) {
  if (auto* host = find(node))
    host->run(std::move(what));
}

void sim_network::crash(const std::string& node) {
  for (auto& w : std::vector<wire_ptr>{wires_})
    for (size_t side = 0; side < 2; ++side)
      if (w->ends[side].host == node && w->ends[side].session) {
        w->ends[side].session->on_output(nullptr);
        w->ends[side].session = nullptr;
        if (w->ends[1 - side].session)
          lose(w, 1 - side, "reset");
        else
          std::erase(wires_, w);
      }
  hosts_.erase(node);
}

void sim_network::dial(const std::string& from, const link_core::dial& what) {
  auto there = time.random.between(plan.delay_min, plan.delay_max);
  auto fail_later = [this, from, what](duration when, const std::string& why) {
    time.after(when, [this, from, what, why] {
      on_host(from, [this, from, what, why] {
        auto* host = find(from);
        host->core.dial_failed(what, {ec::unavailable, why});
        host->plan_look(host->core.next_dial());
      });
    });
  };
  if (is_blocked(from, what.address) || is_blocked(what.address, from))
    return fail_later(plan.dial_patience, "no connection in time");
  if (!find(what.address))
    return fail_later(2 * there, "connection refused");
  // What the kernel accepts, it accepts while the process is stopped.
  time.after(2 * there, [this, from, what] {
    if (find(from))
      on_host(from, [this, from, what] { connect(from, what); });
  });
}

void sim_network::connect(const std::string& from, const link_core::dial& what) {
  auto* target = find(what.address);
  auto* host = find(from);
  if (!target) {
    host->core.dial_failed(what, {ec::unavailable, "connection refused"});
    return host->plan_look(host->core.next_dial());
  }
  auto w = std::make_shared<wire>();
  wires_.push_back(w);
  link_certificate theirs{true, {what.address}};
  link_certificate ours{true, {from}};
  w->ends[0].host = from;
  w->ends[0].session = host->core.dialed(what, theirs);
  w->ends[1].host = what.address;
  w->ends[1].session = target->core.accepted(ours);
  for (size_t side = 0; side < 2; ++side)
    attend(w, side);
  w->ends[0].session->start();
  arm(w, 0);
  arm(w, 1);
}

void sim_network::attend(const wire_ptr& w, size_t side) {
  w->ends[side].session->on_output([this, weak = std::weak_ptr{w}, side] {
    auto of = weak.lock();
    if (!of || std::exchange(of->ends[side].flush_planned, true))
      return;
    time.after({}, [this, of, side] {
      on_host(of->ends[side].host, [this, of, side] { flush(of, side); });
    });
  });
}

void sim_network::flush(const wire_ptr& w, size_t side) {
  auto& end = w->ends[side];
  end.flush_planned = false;
  if (!end.session)
    return;
  if (end.session->is_closing()) { // As a socket that is closed with what is left to write.
    std::string out;
    end.session->take_output(out, time.now());
    send(w, side, std::move(out));
    return close(w, side);
  }
  while (end.under_way_bytes < plan.buffer_bytes) {
    std::string out;
    end.session->take_output(out, time.now());
    if (out.empty())
      break;
    send(w, side, std::move(out));
  }
  arm(w, side);
}

duration sim_network::trip(const std::string& from, const std::string& to) {
  auto takes = time.random.between(plan.delay_min, plan.delay_max);
  auto slow = slow_.find({from, to});
  return slow == slow_.end() ? takes : takes + time.random.between(duration{0}, slow->second);
}

void sim_network::send(const wire_ptr& w, size_t side, std::string bytes) {
  auto& end = w->ends[side];
  end.under_way_bytes += bytes.size();
  for (size_t at = 0; at < bytes.size();) {
    auto n = std::min<size_t>(1 + time.random.below(plan.piece_bytes_max), bytes.size() - at);
    auto when = std::max(end.last_arrival, time.now() + trip(end.host, w->ends[1 - side].host));
    end.last_arrival = when + duration{n * 1'000'000'000 / plan.bytes_per_second};
    time.at(end.last_arrival,
            [this, w, side, piece = bytes.substr(at, n)] { arrive(w, 1 - side, piece); });
    at += n;
  }
}

/// An empty piece is the end of the stream.
void sim_network::arrive(const wire_ptr& w, size_t side, std::string bytes) {
  auto& from = w->ends[1 - side];
  if (w->broken)
    return;
  if (is_blocked(from.host, w->ends[side].host) || !from.held.empty())
    return from.held.push_back(std::move(bytes));
  on_host(w->ends[side].host,
          [this, w, side, bytes = std::move(bytes)] { deliver(w, side, bytes); });
}

void sim_network::deliver(const wire_ptr& w, size_t side, const std::string& bytes) {
  auto& from = w->ends[1 - side];
  if (w->broken)
    return;
  from.under_way_bytes -= bytes.size();
  if (from.session && !from.flush_planned) // There is room in the buffer.
    on_host(from.host, [this, w, side] { flush(w, 1 - side); });
  auto session = w->ends[side].session;
  if (!session)
    return;
  if (bytes.empty())
    return lose(w, side, "closed");
  session->received(bytes, time.now());
  arm(w, side);
}

void sim_network::arm(const wire_ptr& w, size_t side) {
  auto& end = w->ends[side];
  if (!end.session)
    return;
  auto when = end.session->next_tick();
  if (when >= end.tick_at)
    return;
  end.tick_at = when;
  time.at(when, [this, w, side] {
    on_host(w->ends[side].host, [this, w, side] {
      auto& it = w->ends[side];
      it.tick_at = mono_time::max();
      if (auto session = it.session)
        session->tick(time.now());
      arm(w, side);
    });
  });
}

void sim_network::close(const wire_ptr& w, size_t side) {
  auto& end = w->ends[side];
  auto session = std::exchange(end.session, nullptr);
  session->on_output(nullptr);
  session->lost({ec::unavailable, "closed"});
  auto when = std::max(end.last_arrival, time.now() + plan.delay_max);
  time.at(when, [this, w, side] { arrive(w, 1 - side, {}); });
  if (auto* host = find(end.host))
    host->plan_look(host->core.next_dial());
  if (!w->ends[1 - side].session)
    std::erase(wires_, w);
}

/// Something happened to the connection, of which this end hears after a while.
void sim_network::lose(const wire_ptr& w, size_t side, const std::string& why) {
  time.after(time.random.between(plan.delay_min, plan.delay_max), [this, w, side, why] {
    on_host(w->ends[side].host, [this, w, side, why] {
      if (auto session = w->ends[side].session) {
        session->lost({ec::unavailable, why});
        close(w, side);
      }
    });
  });
}

void sim_network::cut(const std::string& a, const std::string& b, bool silent) {
  for (auto& w : wires_) {
    std::set<std::string> hosts{w->ends[0].host, w->ends[1].host};
    if (w->broken || hosts != std::set<std::string>{a, b})
      continue;
    w->broken = true;
    for (size_t side = 0; side < 2 && !silent; ++side)
      lose(w, side, "reset");
  }
}

void sim_network::block(const std::string& from, const std::string& to, bool yes) {
  if (yes) {
    blocked_.insert({from, to});
    return;
  }
  blocked_.erase({from, to});
  for (auto& w : std::vector<wire_ptr>{wires_})
    for (size_t side = 0; side < 2; ++side)
      if (w->ends[side].host == from && w->ends[1 - side].host == to)
        for (auto& piece : std::exchange(w->ends[side].held, {}))
          arrive(w, 1 - side, std::move(piece));
}

} // namespace shoal::sim
