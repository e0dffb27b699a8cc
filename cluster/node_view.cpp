// SPDX-License-Identifier: Apache-2.0
#include "cluster/node_view.hpp"

namespace shoal::cluster {

using namespace coordination;

node_view::node_view(const key_space& keys, std::function<void()> changed,
                     std::function<void(uint64_t, uint64_t)> broken)
    : changed_{std::move(changed)}, broken_{std::move(broken)},
      nodes_listener_{*this, keys.nodes(), false}, drains_listener_{*this, keys.drains(), true} {}

const known_node* node_view::find(const std::string& id) const {
  auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

bool node_view::is_going(const std::string& id) const {
  auto* n = find(id);
  return drains_.contains(id) || (n && n->record.leaving);
}

void node_view::part::set(const key_value& kv) {
  auto id = kv.key.substr(std::min(kv.key.size(), prefix_.size()));
  if (drains_) {
    view_.drains_.insert(std::move(id));
    return;
  }
  // A record that nobody understands is no node: it can take nothing.
  if (auto record = decode_node_record(id, kv.value))
    view_.nodes_[id] = {std::move(*record), kv.lease, kv.mod_revision};
  else
    view_.nodes_.erase(id);
}

void node_view::part::erase(const std::string& key) {
  auto id = key.substr(std::min(key.size(), prefix_.size()));
  drains_ ? view_.drains_.erase(id) : view_.nodes_.erase(id);
}

void node_view::part::replaced(uint64_t revision, std::span<const key_value> keys) {
  drains_ ? view_.drains_.clear() : view_.nodes_.clear();
  for (const auto& kv : keys)
    set(kv);
  view_.rebuild(revision);
}

void node_view::part::changed(uint64_t, std::span<const watch_event> events) {
  for (const auto& e : events)
    e.erased ? erase(e.kv.key) : set(e.kv);
  if (!events.empty())
    view_.rebuild(events.back().kv.mod_revision);
}

void node_view::rebuild(uint64_t revision) {
  changed_at_ = std::max(changed_at_, revision);
  candidates_.clear();
  for (const auto& [id, n] : nodes_)
    candidates_.push_back({id, n.record.weight, n.record.zone, is_going(id)});
  changed_();
}

} // namespace shoal::cluster
