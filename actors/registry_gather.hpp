// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/error.hpp"
#include "actors/registry_peers.hpp"
#include "cluster/home_slot.hpp"
#include "core/defaults.hpp"

#include <memory>

/// What a node's own shards have, asked for by an actor of the same node.
namespace shoal {

/// Asks each shard that has some of the slots, and merges.
/// @param self the asking actor. @param query with offset 0. @param then called once, on it.
template <class Self>
void search_here(Self* self, const registry_peers& peers, const search_query& query,
                 std::function<void(result<search_result>)> then) {
  constexpr auto slots = slot_count / registry_shard_count;
  struct state {
    std::vector<search_result> parts;
    std::optional<error> failure;
    size_t left = 1; // Until all have been asked.
  };
  auto all = std::make_shared<state>();
  auto finish = [all, then = std::move(then), limit = query.limit] {
    if (--all->left > 0)
      return;
    if (all->failure)
      then(tl::unexpected{*all->failure});
    else
      then(merge(std::move(all->parts), 0, limit));
  };
  for (size_t i = 0; i < registry_shard_count; ++i) {
    if (query.slots.has_none(i * slots, (i + 1) * slots - 1))
      continue;
    ++all->left;
    self->request(peers.shards[i], defaults::request_timeout, query)
        .then(
            [=](search_result& part) {
              all->parts.push_back(std::move(part));
              finish();
            },
            [=](const caf::error& why) {
              all->failure = from_caf(why);
              finish();
            });
  }
  finish();
}

/// Looks up entries by their primary keys. What is not there, or cannot be read, is left out.
template <class Self>
void look_up_here(Self* self, const registry_peers& peers, const std::vector<std::string>& keys,
                  std::function<void(std::vector<registry_entry>)> then) {
  struct state {
    std::vector<std::optional<registry_entry>> found;
    size_t left = 1;
  };
  auto all = std::make_shared<state>();
  all->found.resize(keys.size());
  auto finish = [all, then = std::move(then)] {
    if (--all->left > 0)
      return;
    std::vector<registry_entry> entries;
    for (auto& x : all->found)
      if (x)
        entries.push_back(std::move(*x));
    then(std::move(entries));
  };
  for (size_t i = 0; i < keys.size(); ++i) {
    ++all->left;
    auto& shard = peers.shard_of(slot_of_key(table::entries, keys[i]));
    self->request(shard, defaults::request_timeout, lookup_entry{keys[i]})
        .then(
            [=](registry_entry& x) {
              all->found[i] = std::move(x);
              finish();
            },
            [=](const caf::error&) { finish(); });
  }
  finish();
}

} // namespace shoal
