// SPDX-License-Identifier: Apache-2.0
#include "cluster/lease_alarm.hpp"

#include <utility>

namespace shoal::cluster {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::seconds;

namespace {

/// Two leases: whoever lost one has had the time to get another.
constexpr auto alarm_patience = 10s;

constexpr auto alarm_period = 30s;

/// Many ticks; a thread that waits for a processor may miss some.
constexpr auto tick_silence_max = 3s;

} // namespace

std::string lease_alarm::reason(const lease_state& state, mono_time now) {
  if (auto silent = now - state.ticked_at; silent > tick_silence_max)
    return "the thread that keeps it has done nothing for "
           + std::to_string(duration_cast<seconds>(silent).count()) + " s: restart the node";
  if (!state.reachable)
    return "no member of etcd answers";
  return state.acts_until > now ? "etcd does not take the node's record"
                                : "etcd answers, but neither grants nor renews it";
}

std::optional<lease_alarm::news> lease_alarm::look(const lease_state& state, mono_time now) {
  if (state.joined && state.acts_until > now) {
    auto since = std::exchange(since_, std::nullopt);
    if (!std::exchange(told_, false))
      return std::nullopt;
    return news{duration_cast<seconds>(now - *since), {}};
  }
  if (!since_)
    since_ = now;
  if (now - *since_ < alarm_patience || (told_ && now - told_at_ < alarm_period))
    return std::nullopt;
  told_ = true;
  told_at_ = now;
  return news{duration_cast<seconds>(now - *since_), reason(state, now)};
}

} // namespace shoal::cluster
