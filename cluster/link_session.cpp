// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_session.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <utility>

namespace shoal::cluster {

namespace {

std::string text_of(const link_hello& x) {
  return std::to_string(x.protocol_min) + " to " + std::to_string(x.protocol_max);
}

} // namespace

link_session::link_session(owner& who, plan what, mono_time now)
    : owner_{who}, plan_{std::move(what)}, now_{now}, began_{now}, heard_at_{now} {
  reader_.limit(limits::link_greeting_bytes_max);
  numbers_.node = plan_.wanted;
}

void link_session::wake() const {
  if (wake_)
    wake_();
}

void link_session::say(const link_frame& x) {
  encode(x, control_);
  wake();
}

void link_session::say_hello() {
  auto& self = plan_.self;
  say(link_hello{self.cluster, self.node, plan_.wanted, self.incarnation, self.fingerprint,
                 plan_.attempt, limits::link_window_bytes, self.protocol_min, self.protocol_max});
}

void link_session::start() {
  if (plan_.side == role::accepts)
    return;
  auto& names = plan_.certificate.names;
  if (plan_.certificate.looked_at
      && std::find(names.begin(), names.end(), plan_.wanted) == names.end())
    return close(link_refusal::wrong_certificate,
                 "the certificate of the acceptor does not name '" + plan_.wanted + "'");
  say_hello();
}

void link_session::received(std::string_view bytes, mono_time now) {
  now_ = heard_at_ = now;
  numbers_.bytes_in += bytes.size();
  if (state_ >= state::closing)
    return;
  reader_.feed(bytes);
  while (state_ < state::closing) {
    auto frame = reader_.next();
    if (!frame)
      return wrong(frame.error().detail);
    if (!*frame)
      return;
    std::visit([this](auto& x) { on(x); }, **frame);
  }
}

std::optional<link_rejection> link_session::judge(const link_hello& x) const {
  auto& self = plan_.self;
  if (x.cluster != self.cluster)
    return link_rejection{link_refusal::wrong_cluster,
                          '\'' + self.cluster + "' here, '" + x.cluster + "' there"};
  if (x.protocol_max < self.protocol_min || x.protocol_min > self.protocol_max)
    return link_rejection{link_refusal::incompatible_version,
                          "versions " + std::to_string(self.protocol_min) + " to "
                              + std::to_string(self.protocol_max) + " here, " + text_of(x)
                              + " there"};
  auto& names = plan_.certificate.names;
  if (plan_.certificate.looked_at && std::find(names.begin(), names.end(), x.node) == names.end())
    return link_rejection{link_refusal::wrong_certificate,
                          "the certificate does not name '" + x.node + '\''};
  auto dials = plan_.side == role::dials;
  if (dials ? x.node != plan_.wanted : x.wanted != self.node)
    return link_rejection{link_refusal::wrong_node,
                          dials ? '\'' + plan_.wanted + "' is wanted, this is '" + x.node + '\''
                                : '\'' + x.wanted + "' is wanted, this is '" + self.node + '\''};
  if (auto other = owner_.judge(*this, x))
    return other;
  if (x.fingerprint != self.fingerprint)
    return link_rejection{link_refusal::skewed_config,
                          "the settings of '" + x.node + "' and '" + self.node + "' differ"};
  return std::nullopt;
}

void link_session::on(const link_hello& x) {
  if (state_ != state::awaits_hello)
    return wrong("another hello");
  hello_ = x;
  numbers_.node = x.node;
  numbers_.incarnation = x.incarnation;
  if (auto no = judge(x)) {
    state_ = state::confirming; // It may hear why.
    return close(no->reason, std::move(no->text));
  }
  version_ = std::min(x.protocol_max, plan_.self.protocol_max);
  asks_.open(x.window_bytes);
  answers_.open(x.window_bytes);
  if (plan_.side == role::dials)
    return become_up();
  state_ = state::confirming;
  say_hello();
}

void link_session::become_up() {
  state_ = state::up;
  was_up_ = true;
  up_since_ = now_;
  reader_.limit(link_frame_bytes_max());
  heartbeat();
  owner_.up(*this);
}

void link_session::heartbeat() {
  heartbeat_at_ = now_ + plan_.timing.heartbeat;
  stamp_ = static_cast<uint64_t>(now_.time_since_epoch().count());
  say(link_heartbeat{stamp_, false});
}

void link_session::on(const link_farewell& x) {
  heard_ = x.reason;
  auto who = numbers_.node.empty() ? std::string{"the dialer"} : '\'' + numbers_.node + '\'';
  end({ec::unavailable, who + " says " + std::string{name(x.reason)} + ": " + x.text});
}

void link_session::on(const link_heartbeat& x) {
  if (state_ == state::awaits_hello)
    return wrong("a heartbeat before the hello");
  if (state_ == state::confirming)
    become_up();
  if (state_ != state::up)
    return;
  if (!x.echo) {
    echo_ = x.stamp; // Only the last one counts, so a flood of them is answered once.
    wake();
  } else if (x.stamp == stamp_ && stamp_ != 0) {
    numbers_.round_trip = now_.time_since_epoch() - mono_time::duration{stamp_};
    auto& smoothed = numbers_.smoothed_round_trip;
    smoothed += smoothed.count() == 0 ? numbers_.round_trip : (numbers_.round_trip - smoothed) / 8;
    stamp_ = 0;
  }
}

/// The other side does not speak as it should.
void link_session::wrong(const std::string& what) {
  close(link_refusal::malformed, what);
}

void link_session::close(link_refusal reason, std::string text) {
  if (state_ >= state::closing)
    return;
  said_ = reason;
  // A stranger gets no answer: whatever it is, it learns nothing.
  if (plan_.side == role::dials || state_ != state::awaits_hello)
    say(link_farewell{reason, text});
  end({ec::unavailable, std::string{name(reason)} + ": " + text});
}

void link_session::end(const error& why) {
  state_ = state::closing;
  wake();
  fail_all(why);
  owner_.down(*this, why);
}

void link_session::lost(const error& why) {
  if (state_ < state::closing)
    end(why);
  state_ = state::dead;
  control_.clear();
}

void link_session::tick(mono_time now) {
  now_ = now;
  if (state_ >= state::closing)
    return;
  if (state_ != state::up) {
    if (now >= began_ + plan_.timing.greeting)
      end({ec::unavailable, "no greeting in time"});
    return;
  }
  if (now >= heard_at_ + plan_.timing.loss)
    return end({ec::unavailable, '\'' + numbers_.node + "' is silent"});
  if (now >= heartbeat_at_) {
    heartbeat();
    if (asked_.has_news() || answered_.has_news())
      say(link_credit{asked_.tell(), answered_.tell()});
  }
  expire_requests();
  expire_calls();
}

mono_time link_session::next_tick() const {
  if (state_ >= state::closing)
    return mono_time::max();
  if (state_ != state::up)
    return began_ + plan_.timing.greeting;
  auto next = std::min(heard_at_ + plan_.timing.loss, heartbeat_at_);
  if (!pending_times_.empty())
    next = std::min(next, pending_times_.begin()->first);
  if (!open_times_.empty())
    next = std::min(next, open_times_.begin()->first);
  return next;
}

link_numbers link_session::numbers() const {
  auto x = numbers_;
  x.credit_bytes = asks_.credit_bytes();
  x.answer_credit_bytes = answers_.credit_bytes();
  x.version = version_;
  x.window_bytes = hello_.window_bytes;
  x.queue_bytes = asks_.queue_bytes() + answers_.queue_bytes();
  x.pending = pending_.size();
  x.open = open_.size();
  return x;
}

} // namespace shoal::cluster
