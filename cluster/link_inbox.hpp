// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace shoal::cluster {

/// Work that other threads hand to the links' thread, which is woken once for many.
class link_inbox {
public:
  explicit link_inbox(boost::asio::io_context& io) : io_{&io} {}

  enum class verdict : uint8_t { taken, full, closed };

  /// @param bytes that the work keeps. @returns `taken` if it will be done, else it is not.
  verdict put(std::function<void()> what, size_t bytes) {
    std::lock_guard guard{mutex_};
    if (!io_)
      return verdict::closed;
    if (bytes > 0 && bytes_ + bytes > limits::link_inbox_bytes_max) {
      ++refused_;
      return verdict::full;
    }
    bytes_ += bytes;
    waiting_.push_back(std::move(what));
    if (waiting_.size() == 1)
      boost::asio::post(*io_, [this] { work(); });
    return verdict::taken;
  }

  /// At once, if this is the thread to which the inbox belongs; not at all once it is closed.
  void run(std::function<void()> what) {
    if (std::this_thread::get_id() == owner_)
      what();
    else
      put(std::move(what), 0);
  }

  /// The links' thread says this before anything else.
  void belong() { owner_ = std::this_thread::get_id(); }

  /// Takes nothing any more, then does what is left. The links' thread has ended.
  void close() {
    {
      std::lock_guard guard{mutex_};
      io_ = nullptr;
    }
    belong();
    work();
    owner_ = std::thread::id{};
  }

  uint64_t refused() const {
    std::lock_guard guard{mutex_};
    return refused_;
  }

private:
  void work() {
    std::vector<std::function<void()>> now;
    {
      std::lock_guard guard{mutex_};
      now.swap(waiting_);
      bytes_ = 0;
    }
    for (auto& what : now)
      what();
  }

  boost::asio::io_context* io_;
  std::atomic<std::thread::id> owner_;
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
  size_t bytes_ = 0;
  uint64_t refused_ = 0;
};

} // namespace shoal::cluster
