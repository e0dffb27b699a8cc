// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/replica_copy.hpp"

#include <deque>
#include <map>

namespace shoal::sim {

/// A replica's copy on a disk that outlives crashes but for its last transactions.
class memory_copy final : public cluster::replica_copy {
public:
  using rows = std::map<std::string, versioned>;

  bool is_full = false; ///< Then nothing can be written.

  result<std::string> origin() const override { return origin_; }
  result<void> adopt(const std::string& cluster) override {
    origin_ = cluster;
    return {};
  }

  result<cluster::copy_position> position() const override { return position_; }

  result<void> apply(std::span<const replicated> changes,
                     const cluster::copy_position& after) override {
    if (is_full)
      return fail(ec::storage_full);
    undo_log undo{position_, {}};
    for (const auto& c : changes) {
      auto& all = tables_[c.where];
      auto at = all.find(c.key);
      undo.rows.push_back(
          {c.where, c.key, at == all.end() ? std::nullopt : std::optional{at->second}});
      if (c.value)
        all[c.key] = {*c.value, c.revision};
      else if (at != all.end())
        all.erase(at);
    }
    position_ = after;
    ++transactions_;
    undo_.push_back(std::move(undo));
    if (undo_.size() > kept)
      undo_.pop_front();
    return {};
  }

  result<void> visit(table where, std::string_view first, const visitor& visit) const override {
    auto all = tables_.find(where);
    if (all == tables_.end())
      return {};
    for (auto at = all->second.lower_bound(std::string(first)); at != all->second.end(); ++at)
      if (!visit(at->first, at->second.revision))
        break;
    return {};
  }

  std::optional<versioned> find(table where, const std::string& key) const {
    auto all = tables_.find(where);
    if (all == tables_.end())
      return std::nullopt;
    auto at = all->second.find(key);
    return at == all->second.end() ? std::nullopt : std::optional{at->second};
  }

  /// A crash: the last transactions never reached the disk.
  void lose(size_t transactions) {
    for (; transactions > 0 && !undo_.empty(); --transactions) {
      auto& last = undo_.back();
      for (auto r = last.rows.rbegin(); r != last.rows.rend(); ++r)
        if (r->before)
          tables_[r->where][r->key] = *r->before;
        else
          tables_[r->where].erase(r->key);
      position_ = last.position;
      undo_.pop_back();
    }
    undo_.clear();
  }

  /// That were written, of all times.
  uint64_t transactions() const { return transactions_; }

  static constexpr size_t kept = 3;

private:
  struct undo_row {
    table where;
    std::string key;
    std::optional<versioned> before;
  };
  struct undo_log {
    cluster::copy_position position;
    std::vector<undo_row> rows;
  };

  std::map<table, rows> tables_;
  std::string origin_;
  cluster::copy_position position_;
  std::deque<undo_log> undo_;
  uint64_t transactions_ = 0;
};

} // namespace shoal::sim
