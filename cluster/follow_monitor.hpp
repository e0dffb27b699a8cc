// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"

namespace shoal::cluster {

/// A coordination service of which one can tell whether the range that somebody follows through it
/// is being followed. Passes everything on.
class follow_monitor final : public coordination::store {
public:
  /// @param real outlives this.
  explicit follow_monitor(coordination::store& real) : real_{real} {}

  /// Whether the last watch that was asked for is established and not lost.
  bool is_following() const { return *following_; }

  void commit(coordination::transaction what, mono_time deadline,
              callback<coordination::transaction_result> then) override {
    real_.commit(std::move(what), deadline, std::move(then));
  }
  void read(coordination::range_query what, mono_time deadline,
            callback<coordination::range_page> then) override {
    real_.read(std::move(what), deadline, std::move(then));
  }
  std::unique_ptr<coordination::watch> follow(std::string first, std::string end,
                                              uint64_t from_revision,
                                              coordination::watcher& who) override {
    *following_ = false;
    auto made = std::make_unique<followed>(who, following_);
    made->real = real_.follow(std::move(first), std::move(end), from_revision, *made);
    return made;
  }
  void grant(uint32_t ttl_s, mono_time deadline, callback<coordination::lease_id> then) override {
    real_.grant(ttl_s, deadline, std::move(then));
  }
  void keep_alive(coordination::lease_id lease, mono_time deadline,
                  callback<uint32_t> then) override {
    real_.keep_alive(lease, deadline, std::move(then));
  }
  void revoke(coordination::lease_id lease, mono_time deadline, callback<uint64_t> then) override {
    real_.revoke(lease, deadline, std::move(then));
  }

private:
  struct followed final : coordination::watch, coordination::watcher {
    followed(coordination::watcher& w, std::shared_ptr<bool> f) : who{w}, following{std::move(f)} {}
    ~followed() override { *following = false; }

    void started(uint64_t revision) override {
      *following = true;
      who.started(revision);
    }
    void changed(uint64_t revision, std::span<const coordination::watch_event> events) override {
      who.changed(revision, events);
    }
    void lost(const error& why) override {
      *following = false;
      who.lost(why);
    }

    coordination::watcher& who;
    std::shared_ptr<bool> following;
    std::unique_ptr<coordination::watch> real;
  };

  coordination::store& real_;
  std::shared_ptr<bool> following_ = std::make_shared<bool>(false);
};

} // namespace shoal::cluster
