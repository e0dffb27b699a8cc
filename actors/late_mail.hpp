// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <memory>
#include <mutex>

namespace shoal {

/// The way from other threads' callbacks to an actor. They may come when the actor system is gone
/// already: whoever ends the actor closes its way first. Thread-safe.
class late_mail {
public:
  template <class Handle>
  explicit late_mail(const Handle& to) : to_{caf::actor_cast<caf::actor>(to)} {}

  late_mail(const late_mail&) = delete;
  late_mail& operator=(const late_mail&) = delete;

  template <class Message>
  void send(Message what) {
    std::lock_guard guard{mutex_};
    if (to_)
      caf::anon_send(to_, std::move(what));
  }

  void close() {
    std::lock_guard guard{mutex_};
    to_ = nullptr;
  }

private:
  std::mutex mutex_;
  caf::actor to_;
};

} // namespace shoal
