// SPDX-License-Identifier: Apache-2.0
#include "cluster/commit_group.hpp"

#include "core/limits.hpp"

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;

namespace {

/// Beside keys and values, what a condition or an operation takes in a request.
constexpr size_t overhead_bytes = 32;

/// Keys of one write; more do not fit into a transaction, whatever etcd is told to allow.
constexpr size_t members_max = 1000;

std::string key_of(const key_space& keys, table where, const std::string& key) {
  return keys.data(name(where), key);
}

/// @param id "NODE/SEQUENCE".
std::string_view node_of(std::string_view id) {
  return id.substr(0, id.find('/'));
}

std::optional<error> check(const commit_request& request) {
  auto is_key = [](const std::string& key) {
    return !key.empty() && key.size() <= limits::store_key_bytes_max;
  };
  for (const auto& g : request.guards)
    if (!is_key(g.key))
      return error{ec::invalid_argument, "a key has " + std::to_string(g.key.size()) + " bytes"};
  if (request.guards.size() > members_max || request.mutations.size() > members_max)
    return error{ec::too_large, "more than " + std::to_string(members_max) + " keys"};
  for (const auto& m : request.mutations) {
    if (!is_key(m.key))
      return error{ec::invalid_argument, "a key has " + std::to_string(m.key.size()) + " bytes"};
    if (m.where == table::meta)
      return error{ec::invalid_argument, "a cluster does not share the key " + m.key};
    if (m.value && m.value->size() > limits::record_bytes_max)
      return error{ec::too_large, "a value has " + std::to_string(m.value->size()) + " bytes"};
  }
  return std::nullopt;
}

/// Two versions of one key.
bool contradicts_itself(const std::vector<guard>& guards) {
  for (size_t i = 0; i < guards.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (guards[i].where == guards[j].where && guards[i].key == guards[j].key
          && guards[i].revision != guards[j].revision)
        return true;
  return false;
}

void make_unique(std::vector<std::string>& all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

void note_keys(commit_member& m, const key_space& keys) {
  auto& [reads, writes] = m.keys;
  for (const auto& x : m.what.request.mutations) {
    writes.push_back(key_of(keys, x.where, x.key));
    m.bytes += writes.back().size() + overhead_bytes + (x.value ? x.value->size() : 0);
  }
  for (const auto& id : m.what.forget)
    writes.push_back(keys.flush(id));
  if (!m.what.once.empty())
    writes.push_back(keys.flush(m.what.once));
  make_unique(writes);
  for (const auto& x : m.what.request.guards) {
    reads.push_back(key_of(keys, x.where, x.key));
    m.bytes += reads.back().size() + overhead_bytes;
  }
  make_unique(reads);
  m.compares = reads.size() + 1 + !m.what.once.empty() + (m.what.claim != 0);
  std::erase_if(reads, [&writes = writes](const auto& key) {
    return std::binary_search(writes.begin(), writes.end(), key);
  });
  m.writes = writes.size();
}

} // namespace

result<commit_member_ptr> make_member(durable_write what, const key_space& keys) {
  if (auto bad = check(what.request))
    return tl::unexpected(std::move(*bad));
  if (contradicts_itself(what.request.guards))
    return fail(ec::conflict, "its conditions contradict each other");
  auto made = std::make_shared<commit_member>();
  made->what = std::move(what);
  note_keys(*made, keys);
  return made;
}

bool commit_group::has_room_for(const commit_member& member) const {
  return when_.size() + member.compares <= most_.operations
         && writes_ + member.writes <= most_.operations
         && (members_.empty() || bytes_ + member.bytes <= most_.bytes);
}

std::optional<size_t> commit_group::condition_at(condition wanted) {
  auto [at, is_new] = index_.try_emplace(wanted.key, when_.size());
  if (is_new)
    when_.push_back(std::move(wanted));
  else if (when_[at->second] != wanted)
    return std::nullopt;
  return at->second;
}

bool commit_group::add(commit_member_ptr member, const std::optional<condition>& guard) {
  if (!has_room_for(*member))
    return false;
  auto conditions = when_.size();
  parts made;
  bool fits = true;
  auto note = [&](condition wanted) {
    auto at = condition_at(std::move(wanted));
    fits &= at.has_value();
    return at;
  };
  if (guard)
    made.guard = note(*guard);
  if (!member->what.once.empty())
    made.once = note({keys_.flush(member->what.once), condition::what::mod_revision, 0});
  if (member->what.claim != 0)
    made.claim = note({keys_.flusher(node_of(member->what.once)), condition::what::mod_revision,
                       member->what.claim});
  for (const auto& g : member->what.request.guards)
    if (auto at = note({key_of(keys_, g.where, g.key), condition::what::mod_revision, g.revision}))
      made.conditions.push_back(*at);
  if (!fits && !members_.empty()) {
    for (; when_.size() > conditions; when_.pop_back())
      index_.erase(when_.back().key);
    return false;
  }
  writes_ += member->writes;
  bytes_ += member->bytes;
  members_.push_back(std::move(member));
  parts_.push_back(std::move(made));
  return true;
}

transaction commit_group::make() const {
  transaction all{when_, {}, {}};
  std::unordered_map<std::string, size_t> at;
  auto write = [&](std::string key, const std::optional<std::string>& value) {
    auto [found, is_new] = at.try_emplace(key, all.then.size());
    if (is_new)
      all.then.push_back({std::move(key), value, 0});
    else
      all.then[found->second].value = value; // The last one counts.
  };
  for (const auto& m : members_) {
    for (const auto& x : m->what.request.mutations)
      write(key_of(keys_, x.where, x.key), x.value);
    for (const auto& id : m->what.forget)
      write(keys_.flush(id), std::nullopt);
    if (!m->what.once.empty())
      write(keys_.flush(m->what.once), std::string{});
  }
  for (const auto& c : when_)
    all.on_failure.push_back(c.key);
  return all;
}

commit_group::verdict commit_group::judge(const parts& of, const transaction_result& failed) const {
  auto found = [&](size_t i) { return failed.read[i] ? failed.read[i]->mod_revision : 0; };
  if (of.once && found(*of.once) != 0)
    return {result<uint64_t>{found(*of.once)}, found(*of.once)};
  if (of.claim && found(*of.claim) != when_[*of.claim].equals)
    return {result<uint64_t>{fail(ec::not_owner, "another process flushes for this node")}, 0};
  if (of.guard && found(*of.guard) != when_[*of.guard].equals)
    return {result<uint64_t>{fail(ec::not_owner)}, 0};
  for (auto i : of.conditions) {
    auto actual = found(i);
    if (actual == when_[i].equals)
      continue;
    auto why = when_[i].equals == 0 ? "it exists already"
               : actual == 0        ? "it does not exist any more"
                                    : "it was changed meanwhile";
    return {result<uint64_t>{fail(ec::conflict, why)}, actual == 0 ? failed.revision : actual};
  }
  return {};
}

std::vector<commit_group::verdict> commit_group::judge(const transaction_result& failed) const {
  std::vector<verdict> all;
  for (const auto& of : parts_)
    all.push_back(judge(of, failed));
  return all;
}

} // namespace shoal::cluster
