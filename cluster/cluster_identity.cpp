// SPDX-License-Identifier: Apache-2.0
#include "cluster/cluster_identity.hpp"

#include "cluster/migration_marker.hpp"
#include "core/hex.hpp"

#include <algorithm>
#include <random>

namespace shoal::cluster {

using namespace coordination;

namespace {

constexpr size_t id_bytes_max = 64;
constexpr std::string_view format = " 1";

} // namespace

result<void> check_cluster_id(std::string_view id) {
  constexpr std::string_view others = "._-";
  auto is_fine = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || others.find(c) != std::string_view::npos;
  };
  if (id.empty() || id.size() > id_bytes_max || !std::all_of(id.begin(), id.end(), is_fine))
    return fail(ec::invalid_argument, "a cluster id has 1 to 64 letters, digits and ._-");
  return {};
}

std::string new_cluster_id() {
  std::random_device random;
  std::array<uint8_t, 16> bytes{};
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<uint8_t>(random()); });
  return to_hex(bytes);
}

std::string encode_identity(std::string_view id) {
  return std::string(id) + std::string(format);
}

result<std::string> decode_identity(std::string_view value) {
  auto id = value.substr(0, value.find(' '));
  if (!check_cluster_id(id))
    return fail(ec::corrupt, "the cluster's identity in etcd");
  if (value.substr(id.size()) != format)
    return fail(ec::unsupported, "cluster " + std::string(id) + " is of another Shoal");
  return std::string(id);
}

/// A transaction that changes nothing reads both at once.
void view_cluster(store& store, const key_space& keys, mono_time deadline,
                  store::callback<cluster_view> then) {
  transaction look{{{keys.identity(), condition::what::mod_revision, 0},
                    {keys.migration(), condition::what::mod_revision, 0}},
                   {},
                   {keys.identity(), keys.migration()}};
  store.commit(std::move(look), deadline,
               [then = std::move(then)](const result<transaction_result>& answer) {
                 if (!answer)
                   then(tl::unexpected(answer.error()));
                 else if (answer->succeeded)
                   then(cluster_view{});
                 else
                   then(cluster_view{answer->read[0], answer->read[1]});
               });
}

result<found_cluster> judge_cluster(const cluster_view& seen, const key_space& keys,
                                    const std::string& wanted) {
  auto moved = seen.migration ? seen.migration->mod_revision : 0;
  if (seen.migration) {
    auto marker = decode_migration_marker(seen.migration->value);
    if (!marker || marker->at != migration_marker::phase::done)
      return fail(ec::conflict, "a registry is being moved into etcd: finish that or withdraw it");
  }
  if (!seen.identity)
    return fail(ec::not_found, "etcd has no cluster");
  auto id = decode_identity(seen.identity->value);
  if (!id)
    return tl::unexpected(id.error());
  if (!wanted.empty() && *id != wanted)
    return fail(ec::conflict, "etcd has cluster " + *id + ", not " + wanted);
  return found_cluster{*id, {keys.migration(), condition::what::mod_revision, moved}};
}

void find_some_node(store& store, const key_space& keys, mono_time deadline,
                    store::callback<std::string> then) {
  store.read({keys.nodes(), prefix_end(keys.nodes()), 1, 0}, deadline,
             [then = std::move(then), below = keys.nodes().size()](const auto& page) {
               if (!page)
                 then(tl::unexpected(page.error()));
               else
                 then(page->keys.empty() ? std::string{} : page->keys[0].key.substr(below));
             });
}

void find_cluster(store& store, const key_space& keys, const cluster_wish& wish, mono_time deadline,
                  store::callback<found_cluster> then) {
  if (!wish.may_found) {
    view_cluster(store, keys, deadline, [then, keys, wanted = wish.id](const auto& seen) {
      then(seen.and_then([&](const auto& view) { return judge_cluster(view, keys, wanted); }));
    });
    return;
  }
  auto id = wish.id.empty() ? new_cluster_id() : wish.id;
  transaction found{{{keys.identity(), condition::what::mod_revision, 0},
                     {keys.migration(), condition::what::mod_revision, 0}},
                    {{keys.identity(), encode_identity(id), 0}},
                    {keys.identity(), keys.migration()}};
  store.commit(std::move(found), deadline,
               [then, keys, id, wanted = wish.id](const result<transaction_result>& answer) {
                 if (!answer)
                   then(tl::unexpected(answer.error()));
                 else if (answer->succeeded)
                   then(found_cluster{id, {keys.migration(), condition::what::mod_revision, 0}});
                 else
                   then(judge_cluster({answer->read[0], answer->read[1]}, keys, wanted));
               });
}

} // namespace shoal::cluster
