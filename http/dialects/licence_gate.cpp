// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/licence_gate.hpp"

#include "core/log.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"
#include "persistence/records.hpp"
#include "protocol/model_id.hpp"
#include "protocol/percent.hpp"
#include "protocol/text.hpp"

#include <algorithm>

namespace shoal::http {

namespace {

bool is_licence_name(std::string_view path) {
  constexpr std::array names{std::string_view{"license"},     std::string_view{"licence"},
                             std::string_view{"license.txt"}, std::string_view{"licence.txt"},
                             std::string_view{"license.md"},  std::string_view{"licence.md"}};
  auto same = [&](auto name) { return text::equals_nocase(name, path); };
  return std::any_of(names.begin(), names.end(), same);
}

std::string key_of(const principal& who, std::string_view model) {
  auto key = who.key();
  key += '\0';
  return key.append(model);
}

bool can_accept(const principal& who) {
  return who.kind == principal_kind::guest || who.kind == principal_kind::user;
}

} // namespace

const manifest_file* licence_file(const manifest& m) {
  auto is_one = [](const manifest_file& file) {
    return file.size_bytes > 0 && file.size_bytes <= limits::licence_bytes_max
           && is_licence_name(file.path);
  };
  auto found = std::find_if(m.files.begin(), m.files.end(), is_one);
  return found == m.files.end() ? nullptr : &*found;
}

task<result<licence>> load_licence(exchange& ex, revision what, std::shared_ptr<const manifest> m) {
  licence made;
  made.model = what.id;
  auto entry = co_await load_entry(ex, what.entry_key);
  if (!entry && entry.error().code != ec::not_found)
    co_return tl::unexpected{entry.error()};
  if (entry)
    made.name = entry->license;
  auto* file = licence_file(*m);
  if (!file)
    co_return made;
  co_await bring_object(ex, file->sha256);
  auto* objects = &ex.node().objects();
  auto read = [objects, digest = file->sha256] {
    return objects->load(digest, limits::licence_bytes_max);
  };
  auto text = co_await ex.on_disk(read);
  if (!text)
    co_return tl::unexpected{text.error()};
  made.text = is_utf8(*text) ? std::move(*text) : std::string{};
  made.hash = file->sha256;
  made.path = file->path;
  co_return made;
}

task<bool> has_accepted(exchange& ex, principal who, revision what,
                        std::shared_ptr<const manifest> m) {
  if (!m->is_gated || who.kind == principal_kind::writer || who.kind == principal_kind::admin)
    co_return true;
  if (!can_accept(who))
    co_return false;
  auto read = [&store = ex.node().store(), key = key_of(who, what.id)] {
    return store.get(table::acceptances, key);
  };
  auto found = co_await ex.on_disk(read);
  if (!found) {
    log::error("http", "cannot read an acceptance error=\"{}\"", to_string(found.error()));
    co_return false;
  }
  if (!*found)
    co_return false;
  auto record = decode_acceptance((*found)->value);
  auto* file = licence_file(*m);
  std::optional<sha256_digest> now;
  if (file)
    now = file->sha256;
  co_return record && record->text == now;
}

task<> demand_acceptance(exchange& ex, revision what, std::shared_ptr<const manifest> m) {
  ex.srv().metrics.licence_required.add();
  auto found = co_await load_licence(ex, what, std::move(m));
  if (!found) {
    co_await ex.send(json_error(found.error()));
    co_return;
  }
  nlohmann::json doc{{"error_id", "license_required"},
                     {"error", "The licence of " + what.id + " must be accepted first."},
                     {"license", to_json(*found, what)}};
  auto answer = json(403, dump_json(doc));
  answer.headers.emplace_back("Cache-Control", "no-store");
  co_await ex.send(std::move(answer));
}

task<result<unix_seconds>> accept_licence(exchange& ex, principal who, licence what) {
  if (!can_accept(who))
    co_return fail(ec::unauthorized, "a licence is accepted by a session or a user");
  acceptance_record record{who.shown(), what.name, what.hash, unix_now()};
  commit_request write;
  write.mutations.push_back({table::acceptances, key_of(who, what.model), encode(record)});
  auto written = co_await ex.ask<uint64_t>(ex.node().writer(), std::move(write));
  if (!written)
    co_return tl::unexpected{written.error()};
  log::info("http", "keeps an acceptance principal={} model={}", who.key(), what.model);
  co_return record.accepted_at;
}

nlohmann::json to_json(const licence& what, const revision& of) {
  nlohmann::json doc{
      {"model", what.model}, {"name", what.name}, {"accept_url", "/API/AcceptLicense"}};
  if (what.hash) {
    doc["sha256"] = what.hash->hex();
    doc["text"] = what.text;
    doc["url"] = webseed_path(of.id, of.rev) + percent_encode(what.path);
  }
  return doc;
}

} // namespace shoal::http
