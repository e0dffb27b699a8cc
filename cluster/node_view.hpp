// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/keys.hpp"
#include "cluster/node_record.hpp"
#include "cluster/placement.hpp"
#include "cluster/range_follower.hpp"

#include <functional>
#include <map>
#include <set>

namespace shoal::cluster {

/// A node as the others see it.
struct known_node {
  node_record record;
  coordination::lease_id lease = 0;
  uint64_t revision = 0; ///< Of its record.
};

/// Who is there and who is asked to go, as of the last change seen: shoal/nodes/ and
/// shoal/drains/.
class node_view {
public:
  node_view(const key_space& keys, std::function<void()> changed,
            std::function<void(uint64_t, uint64_t)> broken);

  range_follower::listener& nodes_listener() { return nodes_listener_; }
  range_follower::listener& drains_listener() { return drains_listener_; }

  /// By id.
  const std::map<std::string, known_node>& all() const { return nodes_; }
  const known_node* find(const std::string& id) const;

  /// Whether a node is to give up its slots: it leaves, or somebody asks it to.
  bool is_going(const std::string& id) const;

  /// Who is asked to go, whether it is there or not.
  const std::set<std::string>& drains() const { return drains_; }

  /// Revision of the last change seen, of whatever node.
  uint64_t changed_at() const { return changed_at_; }

  /// In the order of ids, so that indices mean the same on every node with this view.
  const std::vector<candidate>& candidates() const { return candidates_; }

private:
  /// One of the two ranges.
  class part final : public range_follower::listener {
  public:
    part(node_view& view, std::string prefix, bool drains)
        : view_{view}, prefix_{std::move(prefix)}, drains_{drains} {}

    void replaced(uint64_t revision, std::span<const coordination::key_value> keys) override;
    void changed(uint64_t revision, std::span<const coordination::watch_event> events) override;
    void went_back(uint64_t from, uint64_t to) override { view_.broken_(from, to); }

  private:
    void set(const coordination::key_value& kv);
    void erase(const std::string& key);

    node_view& view_;
    std::string prefix_;
    bool drains_;
  };

  void rebuild(uint64_t revision);

  std::map<std::string, known_node> nodes_;
  std::set<std::string> drains_;
  std::vector<candidate> candidates_;
  uint64_t changed_at_ = 0;
  std::function<void()> changed_;
  std::function<void(uint64_t, uint64_t)> broken_;
  part nodes_listener_;
  part drains_listener_;
};

} // namespace shoal::cluster
