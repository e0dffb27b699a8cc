// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/registry_json.hpp"
#include "persistence/records.hpp"
#include "protocol/passkey.hpp"

namespace shoal::http {

namespace {

struct blocklist_page {
  std::vector<blocked_hash> items;
  bool more = false;
};

/// Reads the blocked hashes behind `after`. The 20-byte form of a blocked v2 hash follows from the
/// 32-byte one and is not listed beside it. What is damaged is skipped: the node goes on blocking.
result<blocklist_page> read_blocklist(const lmdb_store& store, std::string after, size_t limit) {
  blocklist_page page;
  auto first = after.empty() ? after : after + '\0';
  auto read = store.scan(table::blocked, first, [&](auto key, auto value, uint64_t) {
    auto record = decode_blocked(value);
    if (!record)
      return true;
    blocked_hash item{std::string{key}, record->reason, record->blocked_at};
    if (!page.items.empty() && key.starts_with(page.items.back().hash))
      page.items.back() = std::move(item);
    else
      page.items.push_back(std::move(item));
    return page.items.size() <= limit;
  });
  if (!read && read.error().code != ec::corrupt)
    return tl::unexpected{read.error()};
  page.more = page.items.size() > limit;
  if (page.more)
    page.items.pop_back();
  return page;
}

/// @returns the 32-byte hash that is blocked and begins with the 20 bytes of `hash`, else `hash`:
/// one does not go without the other.
std::string full_name(const lmdb_store& store, std::string hash) {
  std::string full = hash;
  auto ignored = store.scan(table::blocked, hash, [&](auto key, auto, uint64_t) {
    if (key.starts_with(hash))
      full = key;
    return key == hash;
  });
  static_cast<void>(ignored);
  return full;
}

nlohmann::ordered_json to_json(const blocked_hash& item) {
  return {{"info_hash", to_hex(as_bytes(item.hash))},
          {"reason", item.reason},
          {"blocked_at", item.blocked_at}};
}

response page_json(const blocklist_page& page) {
  auto items = nlohmann::ordered_json::array();
  for (auto& item : page.items)
    items.push_back(to_json(item));
  nlohmann::ordered_json body{{"items", std::move(items)}};
  if (page.more)
    body["next"] = to_hex(as_bytes(page.items.back().hash));
  return json(200, dump_json(body));
}

struct page_request {
  size_t limit = 0;
  std::string after;
};

result<page_request> parse_page(const exchange& ex) {
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  page_request page;
  auto limit = parse_number(params->get("limit").value_or("100"));
  if (!limit || *limit == 0)
    return fail(ec::invalid_argument, "'limit' must be a whole number from 1");
  page.limit = std::min<uint64_t>(*limit, limits::blocklist_page_max);
  auto after = params->get("after").value_or("");
  if (auto hash = parse_hash(after))
    page.after = *hash;
  else if (!after.empty())
    return fail(ec::invalid_argument, "'after' must be 40 or 64 hex digits");
  return page;
}

task<result<blocked_hash>> read_block_order(exchange& ex) {
  auto text = co_await ex.read_body(limits::json_body_bytes_max);
  if (!text)
    co_return tl::unexpected{text.error()};
  auto body = json_body::parse(*text, {"info_hash", "reason"});
  if (!body)
    co_return tl::unexpected{body.error()};
  auto hex = body->text("info_hash", limits::text_field_bytes_max);
  auto reason = body->text("reason", limits::text_field_bytes_max);
  if (!hex || !reason)
    co_return tl::unexpected{hex ? reason.error() : hex.error()};
  auto hash = parse_hash(*hex);
  if (hex->empty())
    co_return fail(ec::missing_argument, "'info_hash'");
  if (!hash)
    co_return fail(ec::invalid_argument, "'info_hash' must be 40 or 64 hex digits");
  co_return blocked_hash{std::move(*hash), std::move(*reason), 0};
}

/// @returns the hash, and those of the same torrent if the registry knows it: nobody should join
/// the other swarm of a blocked hybrid.
task<std::vector<std::string>> names_of(exchange& ex, std::string hash) {
  std::vector<std::string> names{hash};
  lookup_entry question{hash};
  auto entry = co_await ex.ask<registry_entry>(shard_of(ex, hash), std::move(question));
  if (!entry)
    co_return names;
  auto add = [&](std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.emplace_back(name);
  };
  auto& hashes = entry->hashes;
  if (hashes.v2)
    add(hashes.v2->chars());
  if (hashes.v1)
    add(hashes.v1->chars());
  if (hashes.twin)
    add(hashes.twin->chars());
  co_return names;
}

task<result<blocked_hash>> block(exchange& ex, blocked_hash order) {
  auto names = co_await names_of(ex, order.hash);
  blocked_hash first;
  for (size_t i = 0; i < names.size(); ++i) {
    auto& shard = shard_of(ex, names[i]);
    blocked_hash each{names[i], order.reason, 0};
    auto blocked = co_await ex.ask<blocked_hash>(shard, std::move(each));
    if (!blocked)
      co_return blocked;
    if (i == 0)
      first = std::move(*blocked);
  }
  co_return first;
}

/// @returns what is booked on the user, everything that was announced before included.
task<result<usage_record>> read_usage(exchange& ex, std::string user) {
  auto flushed = co_await ex.ask<atom::flush>(ex.node().accounts(), atom::flush::value);
  // Reads go on while the cluster's etcd is away.
  if (!flushed && !ex.node().shared_registry())
    co_return tl::unexpected{flushed.error()};
  auto read = [&store = ex.node().store(), user = std::move(user)]() -> result<usage_record> {
    auto found = store.get(table::users, user);
    if (!found)
      return tl::unexpected{found.error()};
    if (!*found)
      return fail(ec::not_found);
    return decode_usage((*found)->value);
  };
  auto usage = co_await ex.on_disk(std::move(read));
  co_return usage;
}

result<std::pair<std::string, std::string>> make_passkey_of_query(const exchange& ex) {
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  auto user = params->get("user");
  if (!user || user->empty())
    return fail(ec::missing_argument, "'user'");
  auto& secrets = ex.srv().gate.secrets();
  if (secrets.empty())
    return fail(ec::not_found, "this tracker has no passkeys");
  auto made = make_passkey(secrets.front(), *user);
  if (!made)
    return tl::unexpected{made.error()};
  return std::pair{std::string{*user}, std::move(*made)};
}

} // namespace

task<> blocklist_list(exchange& ex) {
  auto wanted = parse_page(ex);
  if (!wanted) {
    co_await ex.send(json_error(wanted.error()));
    co_return;
  }
  auto read = [&store = ex.node().store(), wanted = std::move(*wanted)] {
    return read_blocklist(store, wanted.after, wanted.limit);
  };
  auto page = co_await ex.on_disk(std::move(read));
  if (page)
    co_await ex.send(page_json(*page));
  else
    co_await ex.send(json_error(page.error()));
}

task<> blocklist_add(exchange& ex) {
  auto order = co_await read_block_order(ex);
  if (!order) {
    co_await ex.send(json_error(order.error()));
    co_return;
  }
  auto blocked = co_await block(ex, std::move(*order));
  if (blocked)
    co_await ex.send(json(201, dump_json(to_json(*blocked))));
  else
    co_await ex.send(json_error(blocked.error()));
}

task<> blocklist_remove(exchange& ex) {
  auto asked = hash_of_query(ex);
  if (asked && asked->bytes.empty())
    asked = fail(ec::not_found);
  if (!asked) {
    co_await ex.send(json_error(asked.error()));
    co_return;
  }
  auto find = [&store = ex.node().store(), hash = asked->bytes] { return full_name(store, hash); };
  auto name = co_await ex.on_disk(std::move(find));
  unblock_hash order{std::move(name)};
  auto& shard = shard_of(ex, order.hash);
  auto done = co_await ex.ask<atom::clear>(shard, std::move(order));
  if (done)
    co_await ex.send(json(200, R"({"status":"unblocked"})"));
  else
    co_await ex.send(json_error(done.error()));
}

task<> user_usage(exchange& ex) {
  auto user = ex.param("id");
  if (user.size() > limits::user_id_bytes_max) {
    error unknown{ec::not_found, {}};
    co_await ex.send(json_error(unknown));
    co_return;
  }
  auto usage = co_await read_usage(ex, user);
  if (!usage) {
    co_await ex.send(json_error(usage.error()));
    co_return;
  }
  nlohmann::ordered_json body{{"user", user},
                              {"uploaded", usage->uploaded_bytes},
                              {"downloaded", usage->downloaded_bytes},
                              {"first_seen", usage->first_seen},
                              {"last_seen", usage->last_seen}};
  co_await ex.send(json(200, dump_json(body)));
}

task<> passkey_make(exchange& ex) {
  auto made = make_passkey_of_query(ex);
  if (!made) {
    co_await ex.send(json_error(made.error()));
    co_return;
  }
  nlohmann::ordered_json body{{"user", made->first}, {"passkey", made->second}};
  co_await ex.send(json(200, dump_json(body)).with("Cache-Control", "no-store"));
}

} // namespace shoal::http
