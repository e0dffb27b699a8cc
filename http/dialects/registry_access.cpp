// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/registry_access.hpp"

#include "core/limits.hpp"
#include "core/log.hpp"
#include "http/dialects/registry_json.hpp"

#include <algorithm>
#include <span>

namespace shoal::http {

namespace {

info_hash swarm_of(std::string_view hash) {
  info_hash swarm;
  std::copy_n(as_bytes(hash).begin(), std::min(hash.size(), info_hash::size_bytes),
              swarm.bytes.begin());
  return swarm;
}

std::string text_of(const error& err) {
  switch (err.code) {
  case ec::not_found:
    return "Not found";
  case ec::unauthorized:
    return "Unauthorized";
  case ec::blocked:
    return "info_hash is blocked";
  case ec::missing_argument:
    return "Missing info_hash";
  default:
    break;
  }
  if (!is_client_error(err.code))
    return "Database error";
  return err.detail.empty() ? to_string(err) : err.detail;
}

} // namespace

const registry_shard_actor& shard_of(const exchange& ex, std::string_view hash) {
  auto swarm = swarm_of(hash);
  // A v1 hash may belong to a hybrid, whose v2 hash says where its entry lives.
  auto known = ex.node().directory().registration_of(swarm);
  return ex.node().registry_of(known ? known->primary : swarm);
}

result<asked_hash> hash_of_query(const exchange& ex) {
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  asked_hash asked;
  asked.hex = params->get("info_hash").value_or("");
  if (asked.hex.empty())
    return fail(ec::missing_argument);
  asked.bytes = parse_hash(asked.hex).value_or("");
  return asked;
}

task<result<registry_entry>> lookup(exchange& ex) {
  auto asked = hash_of_query(ex);
  if (!asked)
    co_return tl::unexpected{asked.error()};
  if (asked->bytes.empty())
    co_return fail(ec::not_found); // What is no hash names nothing.
  lookup_entry question{asked->bytes};
  auto found = co_await ex.ask<registry_entry>(shard_of(ex, asked->bytes), std::move(question));
  co_return found;
}

task<std::vector<registry_entry>> entries_of(exchange& ex, std::vector<std::string> keys) {
  std::vector<registry_entry> found;
  if (auto* cluster = ex.node().shared_registry()) {
    for (std::span<std::string> rest = keys; !rest.empty();) {
      auto some = rest.first(std::min(rest.size(), limits::registry_entries_max));
      rest = rest.subspan(some.size());
      lookup_entries question{{some.begin(), some.end()}};
      auto list = co_await ex.ask<entry_list>(cluster->reader(), std::move(question));
      if (list)
        std::move(list->entries.begin(), list->entries.end(), std::back_inserter(found));
    }
    co_return found;
  }
  std::vector<std::pair<registry_shard_actor, lookup_entry>> questions;
  for (auto& key : keys)
    questions.emplace_back(shard_of(ex, key), lookup_entry{key});
  auto replies = co_await ex.ask_all<registry_entry>(std::move(questions));
  for (auto& reply : replies)
    if (reply)
      found.push_back(std::move(*reply));
  co_return found;
}

namespace {

/// How old this node's copy of the registry may be; 0: it follows closely.
uint64_t copy_age_s(const exchange& ex) {
  auto* cluster = ex.node().shared_registry();
  return cluster ? cluster->staleness_s() : 0;
}

} // namespace

error unless_behind(const exchange& ex, error why) {
  if (why.code == ec::not_found && copy_age_s(ex) != 0)
    return {ec::unavailable, "this node's copy of the registry is behind, and has no such thing"};
  return why;
}

void tell_lag(const exchange& ex, response& r) {
  if (auto age_s = copy_age_s(ex); age_s != 0)
    r.headers.emplace_back("X-Shoal-Staleness", std::to_string(age_s));
}

task<> bring_object(exchange& ex, sha256_digest object) {
  auto* cluster = ex.node().shared_registry();
  if (!cluster)
    co_return;
  auto* objects = &ex.node().objects();
  auto look = [objects, object] { return result<bool>{objects->size(object).has_value()}; };
  auto here = co_await ex.on_disk(look);
  if (here && *here)
    co_return;
  fetch_object wanted{object};
  auto fetched = co_await ex.ask<atom::load>(cluster->keeper(), std::move(wanted));
  if (!fetched)
    log::warn("http", "cannot bring object={} error=\"{}\"", object.brief(),
              to_string(fetched.error()));
}

response registry_error(const error& err) {
  auto answer = text_error(err);
  answer.body = text_of(err);
  if (!is_client_error(err.code))
    log::warn("registry_api", "cannot answer error=\"{}\"", to_string(err));
  return answer;
}

} // namespace shoal::http
