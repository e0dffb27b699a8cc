// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_client.hpp"
#include "tests/unit/cluster/support/recorder.hpp"

#include <boost/asio/io_context.hpp>
#include <caf/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace shoal::test {

namespace asio = boost::asio;

/// Everything happens on the thread that waits for it.
struct loop {
  asio::io_context io;

  /// Runs until it is so; the test fails if that takes longer than anything here may.
  void until(const std::function<bool()>& so,
             std::chrono::seconds limit = std::chrono::seconds{25}) {
    auto end = mono_now() + limit;
    while (!so()) {
      if (mono_now() >= end)
        CAF_FAIL("it did not happen");
      io.restart();
      io.run_one_for(std::chrono::milliseconds{100});
    }
  }
};

/// The place where one answer arrives, exactly once.
template <class T>
class answer {
public:
  coordination::store::callback<T> taker() {
    return [this](result<T> got) {
      ++times_;
      got_ = std::move(got);
    };
  }

  bool here() const { return got_.has_value(); }
  bool once() const { return times_ == 1; }
  const result<T>& get() const { return *got_; }
  bool failed(ec why) const { return got_ && !*got_ && got_->error().code == why; }

private:
  std::optional<result<T>> got_;
  int times_ = 0;
};

inline mono_time within(std::chrono::milliseconds time) {
  return mono_now() + time;
}

/// A deadline that nothing is to reach.
inline mono_time soon() {
  return within(std::chrono::seconds{20});
}

/// On a machine that is busy a connection may take its time.
inline coordination::etcd_config patient() {
  coordination::etcd_config made;
  made.connect_timeout = std::chrono::seconds{10};
  return made;
}

inline coordination::transaction put(std::string key, std::string value) {
  coordination::transaction made;
  made.then.push_back({std::move(key), std::move(value), 0});
  return made;
}

} // namespace shoal::test
