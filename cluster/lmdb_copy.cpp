// SPDX-License-Identifier: Apache-2.0
#include "cluster/lmdb_copy.hpp"

#include <charconv>

namespace shoal::cluster {

namespace {

constexpr std::string_view cluster_key = "replica.cluster";
constexpr std::string_view position_key = "replica.position";
constexpr std::string_view whole = " complete";
constexpr std::string_view part = " partial";

/// "REVISION complete", and the witness, if there is one: " REVISION SINCE HASH KEY".
std::string encode(const copy_position& at) {
  auto text = std::to_string(at.revision) + std::string(at.complete ? whole : part);
  const auto& w = at.witness;
  if (!w)
    return text;
  for (auto number : {w.revision, w.since, w.value_hash})
    text += ' ' + std::to_string(number);
  return text + ' ' + w.key;
}

/// Takes a number and, if something follows, one blank.
bool take_number(std::string_view& text, uint64_t& number) {
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  return bad == std::errc{};
}

/// @returns none if it is damaged, or of a program that knew no witnesses.
range_witness decode_witness(std::string_view text) {
  range_witness w;
  if (!take_number(text, w.revision) || !take_number(text, w.since)
      || !take_number(text, w.value_hash) || text.empty())
    return {};
  w.key = text;
  return w;
}

result<std::string> text_of(const lmdb_store& store, std::string_view key) {
  auto found = store.get(table::meta, key);
  if (!found)
    return tl::unexpected(found.error());
  return *found ? std::move((*found)->value) : std::string{};
}

result<copy_position> position_of(const lmdb_store& store) {
  auto found = store.get(table::meta, position_key);
  if (!found && found.error().code != ec::corrupt)
    return tl::unexpected(found.error());
  if (!found || !*found)
    return copy_position{};
  const auto& text = (*found)->value;
  copy_position at;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), at.revision);
  auto state = std::string_view(text).substr(static_cast<size_t>(end - text.data()));
  if (bad != std::errc{} || (!state.starts_with(whole) && state != part))
    return copy_position{};
  at.complete = state != part;
  if (state.size() > whole.size())
    at.witness = decode_witness(state.substr(whole.size() + 1));
  return at;
}

} // namespace

result<store_state> copy_state(const lmdb_store& store) {
  store_state x;
  auto cluster = text_of(store, cluster_key);
  auto source = cluster ? text_of(store, migration_source_key) : cluster;
  if (!source)
    return tl::unexpected(source.error());
  if (!cluster->empty()) {
    auto at = position_of(store);
    if (!at)
      return tl::unexpected(at.error());
    return store_state{store_state::kind::copy, *cluster, *at};
  }
  for (auto where : shared_tables) {
    auto count = store.count(where);
    if (!count)
      return tl::unexpected(count.error());
    if (*count > 0)
      x.is = store_state::kind::single;
  }
  if (!source->empty())
    x.is = store_state::kind::moving;
  return x;
}

result<void> may_start_alone(const store_state& x) {
  if (x.is == store_state::kind::copy)
    return fail(ec::conflict, "the store is a copy of the registry of cluster " + x.cluster
                                  + ": start the node in that cluster, or move the registry out "
                                    "of etcd");
  if (x.is == store_state::kind::moving)
    return fail(ec::conflict, "the store is being moved into etcd: finish that or withdraw it");
  return {};
}

result<void> may_start_in(const store_state& x, const std::string& cluster) {
  if (x.is == store_state::kind::copy && x.cluster != cluster)
    return fail(ec::conflict, "the store is a copy of the registry of cluster " + x.cluster
                                  + ", not of " + cluster + ": start with an empty folder");
  if (x.is == store_state::kind::moving)
    return fail(ec::conflict, "the store is being moved into etcd: finish that or withdraw it");
  if (x.is == store_state::kind::single)
    return fail(ec::conflict, "the store has a registry of its own: move it into etcd, or start "
                              "with an empty folder");
  return {};
}

result<std::string> lmdb_copy::origin() const {
  return text_of(store_, cluster_key);
}

result<copy_position> lmdb_copy::position() const {
  return position_of(store_);
}

result<void> lmdb_copy::adopt(const std::string& cluster, const copy_position& at) {
  return write({{table::meta, std::string(cluster_key), cluster},
                {table::meta, std::string(position_key), encode(at)}});
}

result<void> lmdb_copy::forget_origin() {
  return write({{table::meta, std::string(cluster_key), std::nullopt},
                {table::meta, std::string(position_key), std::nullopt},
                {table::meta, std::string(migration_source_key), std::nullopt}});
}

result<void> lmdb_copy::write(std::vector<mutation> all) {
  auto done = store_.commit(commit_request{{}, std::move(all)});
  if (!done)
    return tl::unexpected(done.error());
  return {};
}

result<void> lmdb_copy::apply(std::span<const replicated> changes, const copy_position& after) {
  return store_.replicate(changes, {table::meta, std::string(position_key), encode(after)});
}

result<void> lmdb_copy::visit(table where, std::string_view first, const visitor& visit) const {
  return store_.scan_keys(where, first, visit);
}

} // namespace shoal::cluster
