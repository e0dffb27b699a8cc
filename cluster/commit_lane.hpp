// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/commit_meters.hpp"
#include "cluster/coordination.hpp"
#include "cluster/flaw.hpp"

namespace shoal::cluster {

/// One transaction after the other, each with an outcome that is certain. Every transaction writes
/// the lane's key and compares its last revision. If nobody knows whether one has happened, the
/// lane writes its key under the same condition: either that makes the transaction impossible for
/// ever, however late it may arrive, or it fails and the key tells that it has happened.
class commit_lane {
public:
  struct settings {
    std::string key; ///< Written by this lane alone.
    uint64_t incarnation = 0;
    std::chrono::milliseconds timeout{1000}; ///< Of each question.
    std::chrono::milliseconds retry{100};    ///< Of those that find out.
    flaw broken = flaw::none;
    commit_meters* meters = nullptr; ///< If somebody wants to know.
  };

  struct ending {
    /// As the store's, but never ec::timeout for long; that only says that another process uses
    /// this node's id and nobody will ever know.
    result<coordination::transaction_result> outcome;
    bool again = false; ///< It certainly did not happen, and etcd is there: worth another try.
  };
  using callback = std::function<void(ending)>;

  /// @param store, now outlive the lane.
  commit_lane(coordination::store& store, const std::function<mono_time()>& now, settings how)
      : store_{store}, now_{now}, how_{std::move(how)} {}

  bool is_idle() const { return !then_; }

  /// Whether it has to find out what became of its transaction.
  bool is_lost() const { return is_lost_; }

  /// Only if idle. @param then called once, never from within.
  void send(coordination::transaction what, callback then);

  /// Goes on finding out.
  void advance();

private:
  void read();
  void submit();
  void on_answer(result<coordination::transaction_result> answer);
  void on_failed(coordination::transaction_result answer);
  void fence();
  void on_fence(const result<coordination::transaction_result>& answer);
  void finish(ending how);
  std::string fence_tag() const { return tag_ + " given up"; }

  coordination::store& store_;
  const std::function<mono_time()>& now_;
  settings how_;
  coordination::transaction what_;
  callback then_; // Set from `send` until the end.
  std::string tag_;
  uint64_t number_ = 0;
  uint64_t revision_ = 0; // Of the key; 0: it does not exist.
  bool is_known_ = false;
  bool is_lost_ = false;
  bool is_asking_ = false;
  mono_time ask_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace shoal::cluster
