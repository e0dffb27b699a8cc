// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/registry_access.hpp"

#include "core/log.hpp"
#include "http/dialects/registry_json.hpp"

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

response registry_error(const error& err) {
  auto answer = text_error(err);
  answer.body = text_of(err);
  if (!is_client_error(err.code))
    log::warn("registry_api", "cannot answer error=\"{}\"", to_string(err));
  return answer;
}

} // namespace shoal::http
