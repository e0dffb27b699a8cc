// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_watch.hpp"
#include "core/limits.hpp"

#include <utility>

namespace shoal::coordination {

namespace {

error broken(const char* what) {
  return {ec::unavailable, "the watch of etcd is broken: " + std::string{what}};
}

} // namespace

std::optional<error> etcd_watch_reader::read(const etcd::watch_message& message, watcher& who,
                                             const bool& going) {
  if (message.compact_revision != 0)
    return error{ec::not_found, "compacted up to " + std::to_string(message.compact_revision)};
  if (message.canceled)
    return error{ec::unavailable, "etcd ends the watch: " + message.cancel_reason};
  if (message.created) {
    if (auto wrong = start(message, who))
      return wrong;
    return going ? take(message, who, going) : std::nullopt;
  }
  if (!started_)
    return broken("events before its start");
  return take(message, who, going);
}

std::optional<error> etcd_watch_reader::start(const etcd::watch_message& message, watcher& who) {
  if (std::exchange(started_, true))
    return broken("a second start");
  told_ = from_ == 0 ? message.revision : from_ - 1;
  who.started(told_);
  return std::nullopt;
}

std::optional<error> etcd_watch_reader::take(const etcd::watch_message& message, watcher& who,
                                             const bool& going) {
  for (auto& event : message.events) {
    auto revision = event.kv.mod_revision;
    auto newest = held_.empty() ? told_ + 1 : held_.back().kv.mod_revision;
    if (revision < newest)
      return broken("a revision comes twice");
    if (!held_.empty() && revision > newest) {
      told_ = newest;
      held_bytes_ = 0;
      who.changed(told_, std::exchange(held_, {}));
      if (!going)
        return std::nullopt;
    }
    held_bytes_ += event.kv.key.size() + event.kv.value.size();
    if (held_bytes_ > limits::etcd_answer_bytes_max)
      return broken("a revision is too large");
    held_.push_back(event);
  }
  if (message.fragment)
    return std::nullopt;
  if (!held_.empty()) {
    told_ = held_.back().kv.mod_revision;
    held_bytes_ = 0;
    who.changed(told_, std::exchange(held_, {}));
  } else if (message.events.empty() && !message.created && message.revision >= told_) {
    told_ = message.revision;
    who.changed(told_, {});
  }
  return std::nullopt;
}

} // namespace shoal::coordination
