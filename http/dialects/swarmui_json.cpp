// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/swarmui_json.hpp"

#include "core/limits.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"
#include "protocol/percent.hpp"

#include <fmt/chrono.h>

#include <utility>

namespace shoal::http {

namespace {

using document = nlohmann::json;

tl::unexpected<error> bad(const char* field, const char* what) {
  return fail(ec::invalid_argument, std::string{field} + ' ' + what);
}

result<void> read_text(const document& doc, const char* field, std::string& out) {
  auto found = doc.find(field);
  if (found == doc.end() || found->is_null())
    return {};
  if (!found->is_string() || found->get_ref<const std::string&>().size() > limits::name_bytes_max)
    return bad(field, "is a short text");
  out = found->get_ref<const std::string&>();
  return {};
}

/// SwarmUI's clients write booleans as texts, too.
result<void> read_flag(const document& doc, const char* field, bool& out) {
  auto found = doc.find(field);
  if (found == doc.end() || found->is_null())
    return {};
  if (found->is_boolean())
    out = found->get<bool>();
  else if (*found == "true" || *found == "false")
    out = *found == "true";
  else
    return bad(field, "is true or false");
  return {};
}

result<void> read_limit(const document& doc, uint32_t& out) {
  auto found = doc.find("limit");
  out = limits::shelf_models_max;
  if (found == doc.end() || found->is_null())
    return {};
  if (!found->is_number_unsigned() || found->get<uint64_t>() == 0)
    return bad("limit", "is a number from 1");
  out = static_cast<uint32_t>(std::min<uint64_t>(found->get<uint64_t>(), out));
  return {};
}

void put(document& doc, const char* key, const std::string& text) {
  if (!text.empty())
    doc[key] = text;
}

document details(const model_card& card, const registry_entry& entry) {
  auto doc = document::object();
  put(doc, "author", card.author.empty() ? entry.publisher : card.author);
  put(doc, "license", card.license.empty() ? entry.license : card.license);
  put(doc, "date", card.date);
  put(doc, "usage_hint", card.usage_hint);
  put(doc, "trigger_phrase", card.trigger_phrase);
  if (!card.tags.empty())
    doc["tags"] = card.tags;
  return doc;
}

} // namespace

response swarmui_error(unsigned status, std::string_view id, std::string_view message) {
  document doc{{"error", message}};
  if (!id.empty())
    doc["error_id"] = id;
  return json(status, dump_json(doc));
}

response bad_session() {
  return swarmui_error(401, "invalid_session_id",
                       "Invalid session ID. You may need to refresh the page.");
}

response bad_permission() {
  return swarmui_error(400, "bad_permissions", "You lack the permission fundamental_model_access.");
}

response swarmui_trouble(const error& err) {
  auto is_client = is_client_error(err.code);
  auto message = is_client ? to_string(err) : std::string{sentence(err.code)};
  auto status = status_of(err.code);
  auto answer = swarmui_error(status, is_client ? "basic_api" : "internal_error", message);
  if (status == 503 || status == 429)
    answer.headers.emplace_back("Retry-After", status == 503 ? "5" : "1");
  return answer;
}

result<manifest_ask> read_manifest_ask(std::string_view body) {
  auto doc = parse_json(body);
  if (!doc)
    return tl::unexpected{doc.error()};
  if (!doc->is_object())
    return fail(ec::invalid_argument, "the body is a JSON object");
  manifest_ask ask;
  auto read = read_text(*doc, "session_id", ask.session_id)
                  .and_then([&] { return read_text(*doc, "subtype", ask.subtype); })
                  .and_then([&] { return read_text(*doc, "after", ask.after); })
                  .and_then([&] { return read_flag(*doc, "includeImages", ask.with_images); })
                  .and_then([&] { return read_flag(*doc, "includeChunks", ask.with_chunks); })
                  .and_then([&] { return read_limit(*doc, ask.models_max); });
  if (!read)
    return tl::unexpected{read.error()};
  return ask;
}

result<accept_ask> read_accept_ask(std::string_view body) {
  auto doc = parse_json(body);
  if (!doc)
    return tl::unexpected{doc.error()};
  if (!doc->is_object())
    return fail(ec::invalid_argument, "the body is a JSON object");
  accept_ask ask;
  auto read = read_text(*doc, "session_id", ask.session_id)
                  .and_then([&] { return read_text(*doc, "model", ask.model); })
                  .and_then([&] { return read_text(*doc, "license_sha256", ask.license_sha256); });
  if (!read)
    return tl::unexpected{read.error()};
  if (ask.model.empty())
    return fail(ec::missing_argument, "'model'");
  return ask;
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1); // npos + 1 is 0.
}

std::string download_path(const shelf_item& item) {
  return "/DownloadModel/" + item.card.subtype + '/' + item.file->sha256.hex() + '/'
         + percent_encode(file_name(item.file->path));
}

document model_json(const shelf_item& item, const registry_entry& entry, const public_urls& at) {
  auto& card = item.card;
  document doc{{"name", shelf_name(item)},
               {"title", card.title},
               {"filename", file_name(item.file->path)},
               {"size", item.file->size_bytes},
               {"sha256", item.file->sha256.hex()},
               {"architecture", card.architecture},
               {"description", card.description.empty() ? entry.description : card.description},
               {"standard_width", card.width},
               {"standard_height", card.height},
               {"download_url", download_path(item)},
               {"model", item.what.id},
               {"revision", item.what.rev},
               {"path", item.file->path},
               {"torrents", torrents_json(*item.files, entry, at, {})}};
  if (item.files->is_gated)
    doc["license_required"] = true;
  if (card.tensor_sha256)
    doc["tensor_hash"] = "0x" + card.tensor_sha256->hex();
  if (!item.files->is_private)
    doc["web_seed_url"] = at.base + webseed_path(item.what.id, item.what.rev)
                          + percent_encode_path(item.file->path);
  if (auto said = details(card, entry); !said.empty())
    doc["metadata"] = std::move(said);
  return doc;
}

std::string utc_text(unix_seconds t) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(t)));
}

} // namespace shoal::http
