// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_codec.hpp"
#include "core/base64.hpp"

#include <nlohmann/json.hpp>

namespace shoal::coordination::etcd {

namespace {

/// "name":"text" where the text needs no escapes.
void put(std::string& out, std::string_view name, std::string_view text) {
  if (out.back() != '{')
    out += ',';
  out += '"';
  out += name;
  out += "\":\"";
  out += text;
  out += '"';
}

void put_bytes(std::string& out, std::string_view name, std::string_view bytes) {
  put(out, name, {});
  out.pop_back();
  base64_append(out, bytes);
  out += '"';
}

template <class Integer>
void put_number(std::string& out, std::string_view name, Integer value) {
  put(out, name, std::to_string(value));
}

/// "name":[...] with what `item` appends for each.
template <class Items, class Append>
void put_list(std::string& out, std::string_view name, const Items& items, Append item) {
  if (items.empty())
    return;
  if (out.back() != '{')
    out += ',';
  out += '"';
  out += name;
  out += "\":[";
  for (auto& each : items) {
    item(out, each);
    out += ',';
  }
  out.back() = ']';
}

void append_condition(std::string& out, const condition& each) {
  out += "{\"result\":\"EQUAL\"";
  put_bytes(out, "key", each.key);
  switch (each.of) {
  case condition::what::mod_revision:
    put(out, "target", "MOD");
    put_number(out, "mod_revision", each.equals);
    break;
  case condition::what::create_revision:
    put(out, "target", "CREATE");
    put_number(out, "create_revision", each.equals);
    break;
  case condition::what::lease:
    put(out, "target", "LEASE");
    put_number(out, "lease", static_cast<lease_id>(each.equals));
    break;
  }
  out += '}';
}

void append_operation(std::string& out, const operation& each) {
  if (each.value) {
    out += "{\"request_put\":{";
    put_bytes(out, "key", each.key);
    put_bytes(out, "value", *each.value);
    if (each.lease != 0)
      put_number(out, "lease", each.lease);
  } else {
    out += "{\"request_delete_range\":{";
    put_bytes(out, "key", each.key);
  }
  out += "}}";
}

void append_read(std::string& out, const std::string& key) {
  out += "{\"request_range\":{";
  put_bytes(out, "key", key);
  out += "}}";
}

void put_range(std::string& out, std::string_view first, std::string_view end) {
  constexpr std::string_view first_of_all{"\0", 1};
  put_bytes(out, "key", first.empty() ? first_of_all : first);
  put_bytes(out, "range_end", end);
}

} // namespace

std::string encode(const transaction& what) {
  std::string out = "{";
  put_list(out, "compare", what.when, append_condition);
  put_list(out, "success", what.then, append_operation);
  put_list(out, "failure", what.on_failure, append_read);
  return out += '}';
}

std::string encode(const range_query& what) {
  std::string out = "{";
  put_range(out, what.first, what.end);
  put_number(out, "limit", what.limit);
  if (what.at_revision != 0)
    put_number(out, "revision", what.at_revision);
  return out += '}';
}

std::string encode_probe() {
  return R"({"key":"AA==","keys_only":true,"serializable":true})";
}

std::string encode_watch(std::string_view first, std::string_view end, uint64_t from_revision) {
  std::string out = R"({"create_request":{)";
  put_range(out, first, end);
  if (from_revision != 0)
    put_number(out, "start_revision", from_revision);
  return out += R"(,"progress_notify":true,"fragment":true}})";
}

std::string encode_grant(uint32_t ttl_s) {
  std::string out = "{";
  put_number(out, "TTL", ttl_s);
  return out += '}';
}

std::string encode_lease(lease_id lease) {
  std::string out = "{";
  put_number(out, "ID", lease);
  return out += '}';
}

std::string encode_credentials(std::string_view user, std::string_view password) {
  using nlohmann::json;
  json out{{"name", user}, {"password", password}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace shoal::coordination::etcd
