// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/object_places.hpp"
#include "core/error.hpp"

#include <functional>
#include <mutex>
#include <shared_mutex>

namespace shoal {

/// An object that is to come here from other nodes.
struct object_pull {
  sha256_digest object;
  std::vector<object_place> places; ///< In the order in which they are tried; at least one.
  bool urgent = false;              ///< Somebody waits: no limit of bytes per second.
};

/// Who brings objects from other nodes: a layer above the actors that want them does. Any thread.
class object_pulls {
public:
  using callback = std::function<void(result<void>)>;
  using puller = std::function<void(object_pull, callback)>;

  /// @param who calls back once for each, on any thread. Empty: nobody does it any more.
  void serve(puller who) {
    std::unique_lock lock(mutex_);
    who_ = std::move(who);
  }

  /// @errors of the callback: ec::unavailable, ec::hash_mismatch, ec::storage_*.
  void pull(object_pull what, callback then) const {
    std::shared_lock lock(mutex_);
    if (who_)
      return who_(std::move(what), std::move(then));
    lock.unlock();
    then(fail(ec::unavailable, "nobody brings objects now"));
  }

private:
  mutable std::shared_mutex mutex_;
  puller who_;
};

} // namespace shoal
