// SPDX-License-Identifier: Apache-2.0
// SwarmUI's models: sessions, the list with what model files say of themselves, the files.
#include "actors/cluster_side.hpp"
#include "core/base64.hpp"
#include "core/log.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/model_shelf.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/signing.hpp"
#include "http/dialects/swarmui_access.hpp"
#include "http/dialects/swarmui_chunks.hpp"
#include "http/dialects/swarmui_json.hpp"
#include "http/json_body.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <map>
#include <unistd.h>

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// This node's name, as clients show it.
std::string node_name(const exchange& ex) {
  if (auto* cluster = ex.node().cluster())
    return "shoal-" + cluster->node_id();
  std::array<char, 256> name{};
  auto known = ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != 0;
  return std::string{"shoal-"} + (known ? name.data() : "node");
}

/// The same on all nodes of a cluster.
std::string server_id(const exchange& ex) {
  constexpr std::string_view label = "server id";
  return fmt::format("{:016x}", keyed_hash(ex.node().secret(), as_bytes(label)));
}

/// @returns a guest for whom the request says nothing of.
result<principal> new_principal(const exchange& ex) {
  auto who = principal_of(ex, {});
  if (!who || who->kind != principal_kind::address)
    return who;
  std::array<uint8_t, 8> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return fail(ec::unavailable, "no random bytes");
  uint64_t number = 0;
  for (auto byte : random)
    number = number << 8 | byte;
  return principal{principal_kind::guest, number & principal::number_mask, {}};
}

document permissions_of(const exchange& ex, const principal& who) {
  auto all = document::array();
  if (has_model_access(ex, who))
    all.push_back("fundamental_model_access");
  if (may_see_private(ex, who))
    all.push_back("private_model_access");
  return all;
}

// -- the list ------------------------------------------------------------------------

/// @returns the picture as a URL; nothing if it is not to be had.
task<std::optional<std::string>> load_preview(exchange& ex, model_card card, size_t& budget) {
  if (!card.preview || budget == 0)
    co_return std::nullopt;
  co_await bring_object(ex, *card.preview);
  auto* objects = &ex.node().objects();
  auto read = [objects, digest = *card.preview, most = limits::card_image_bytes_max] {
    return objects->load(digest, most);
  };
  auto bytes = co_await ex.on_disk(read);
  if (!bytes) {
    log::warn("http", "cannot read a preview error=\"{}\"", to_string(bytes.error()));
    co_return std::nullopt;
  }
  auto url = "data:" + card.preview_type + ";base64,";
  base64_append(url, *bytes);
  if (url.size() > budget)
    co_return std::nullopt;
  budget -= url.size();
  co_return url;
}

using entry_map = std::map<std::string, registry_entry>;

task<entry_map> entries_for(exchange& ex, const std::vector<shelf_item>& items) {
  std::vector<std::string> keys;
  for (auto& item : items)
    if (keys.empty() || keys.back() != item.what.entry_key)
      keys.push_back(item.what.entry_key);
  auto found = co_await entries_of(ex, std::move(keys));
  entry_map by_key;
  for (auto& entry : found) {
    auto key = entry.hashes.primary_key();
    by_key.emplace(std::move(key), std::move(entry));
  }
  co_return by_key;
}

task<document> models_of(exchange& ex, const manifest_ask& ask, const shelf_page& page) {
  auto entries = co_await entries_for(ex, page.items);
  auto at = urls_of(ex);
  auto budget = ask.with_images ? limits::shelf_images_bytes_max : size_t{0};
  chunk_lister chunks{ask.with_chunks ? limits::shelf_chunks_max : size_t{0}};
  auto models = document::array();
  for (auto& item : page.items) {
    auto model = model_json(item, entries[item.what.entry_key], at);
    auto image = co_await load_preview(ex, item.card, budget);
    if (image)
      model["preview_image"] = std::move(*image);
    auto hashes = co_await list_chunks(ex, item, chunks);
    if (hashes)
      model["chunks"] = std::move(*hashes);
    models.push_back(std::move(model));
  }
  co_return models;
}

task<response> answer_list(exchange& ex, manifest_ask ask, principal who) {
  // SwarmUI reports what a handler finds wrong with 200.
  auto subtype = find_subtype(ask.subtype);
  if (!subtype)
    co_return json(200, R"({"error":"Invalid sub-type."})");
  shelf_ask shelf{*subtype, may_see_private(ex, who), ask.models_max, ask.after};
  auto page = co_await list_shelf(ex, std::move(shelf));
  if (!page)
    co_return swarmui_trouble(page.error());
  auto models = co_await models_of(ex, ask, *page);
  document doc{{"node_id", node_name(ex)},
               {"generated_at", utc_text(unix_now())},
               {"subtype", *subtype},
               {"models", std::move(models)}};
  if (!page->next.empty())
    doc["next"] = page->next;
  auto is_signed = co_await sign_answer(ex, doc);
  if (!is_signed)
    log::warn("http", "answers without a signature error=\"{}\"", to_string(is_signed.error()));
  auto write = [&doc] { return dump_json(doc); }; // With pictures it may be tens of MB.
  auto text = co_await ex.on_disk(write);
  auto answer = json(200, std::move(text));
  answer.headers.emplace_back("Cache-Control", "no-store");
  tell_lag(ex, answer);
  co_return answer;
}

task<response> make_list(exchange& ex) {
  auto body = co_await ex.read_body(limits::json_body_bytes_max);
  auto ask = body.and_then([](auto& text) { return read_manifest_ask(text); });
  if (!ask)
    co_return swarmui_trouble(ask.error());
  auto who = admit(ex, std::move(ask->session_id));
  if (!who)
    co_return std::move(who.error());
  auto answer = co_await answer_list(ex, std::move(*ask), std::move(*who));
  co_return answer;
}

task<response> make_session(exchange& ex) {
  auto body = co_await ex.read_body(limits::json_body_bytes_max);
  if (!body)
    co_return swarmui_trouble(body.error());
  if (auto doc = parse_json(*body); !doc || !doc->is_object())
    co_return swarmui_error(400, "basic_api", "the body is a JSON object");
  auto who = new_principal(ex);
  if (!who)
    co_return swarmui_trouble(who.error());
  auto id = ex.srv().sessions.issue(*who, unix_now());
  document doc{{"session_id", id},
               {"user_id", who->shown()},
               {"output_append_user", false},
               {"version", SHOAL_VERSION},
               {"server_id", server_id(ex)},
               {"permissions", permissions_of(ex, *who)}};
  auto answer = json(200, dump_json(doc));
  answer.headers.emplace_back("Cache-Control", "no-store");
  answer.headers.emplace_back("Set-Cookie",
                              "swarm_token=" + id + "; Path=/; HttpOnly; SameSite=Lax");
  co_return answer;
}

} // namespace

task<> swarmui_session(exchange& ex) {
  auto answer = co_await make_session(ex);
  co_await ex.send(std::move(answer));
}

task<> swarmui_manifest(exchange& ex) {
  auto answer = co_await make_list(ex);
  if (answer.status == 401)
    ex.srv().metrics.unauthorized.add();
  co_await ex.send(std::move(answer));
}

task<> swarmui_unknown(exchange& ex) {
  ex.srv().metrics.no_route.add();
  auto answer = swarmui_error(400, "bad_route", "Unknown API route");
  co_await ex.send(std::move(answer));
}

/// SwarmUI's clients read errors from JSON, this one too.
task<> swarmui_wrong_method(exchange& ex) {
  ex.srv().metrics.no_route.add();
  auto answer = swarmui_error(400, "bad_request_method", "API routes take POST requests");
  co_await ex.send(std::move(answer));
}

} // namespace shoal::http
