// SPDX-License-Identifier: Apache-2.0
// Big files of Hugging Face's dialect: which ones are big, and the batch API of Git LFS.
// Bytes come to URLs that are tickets themselves, as clients send no token with them.
#include "core/base64.hpp"
#include "http/credentials.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/hub_upload.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/passkey.hpp"
#include "protocol/percent.hpp"

#include <charconv>

namespace shoal::http {

namespace {

using document = nlohmann::json;

constexpr std::string_view batch_path = ".git/info/lfs/objects/batch";
constexpr std::string_view lfs_type = "application/vnd.git-lfs+json";

/// How long an upload may be begun after it was promised. Clients ask for 100 at once.
constexpr unix_seconds ticket_s = 24 * 3600;

/// Files of one question. Clients ask for 100 or 256 at once.
constexpr size_t asked_files_max = 2'000;

/// What somebody without a token may upload.
struct ticket {
  std::string object; ///< 64 hexadecimal digits.
  uint64_t size_bytes = 0;
  unix_seconds until = 0;

  std::string text() const {
    return "lfs:" + object + ":" + std::to_string(size_bytes) + ":" + std::to_string(until);
  }
};

/// Anybody may upload if there is no key, so no ticket is needed.
std::string signature_of(const exchange& ex, const ticket& x) {
  auto& key = ex.config().registry_key;
  return key.empty() ? std::string{} : make_passkey(key, x.text()).value_or("");
}

bool is_valid(const exchange& ex, const ticket& x, std::string_view signature) {
  auto& key = ex.config().registry_key;
  if (key.empty())
    return true;
  auto text = verify_passkey(std::span{&key, 1}, signature);
  return text && *text == x.text() && unix_now() <= x.until;
}

document upload_action(const exchange& ex, const ticket& x) {
  auto href = ex.base_url() + "/api/lfs/" + x.object + "?size=" + std::to_string(x.size_bytes)
              + "&until=" + std::to_string(x.until)
              + "&ticket=" + percent_encode(signature_of(ex, x));
  return {{"href", std::move(href)}, {"expires_in", ticket_s}};
}

/// What the client has to do for one object.
document batch_entry(exchange& ex, const document& asked, bool is_download) {
  auto oid = field_of(asked, "oid");
  auto size = asked.find("size");
  auto object = sha256_digest::from_hex(oid);
  if (!object || size == asked.end() || !size->is_number_unsigned())
    return {{"oid", oid},
            {"error", {{"code", 422}, {"message", "an object has an oid and a size"}}}};
  auto bytes = size->get<uint64_t>();
  document entry{{"oid", oid}, {"size", bytes}, {"authenticated", true}};
  auto here = ex.node().objects().size(*object);
  if (is_download)
    return {{"oid", oid},
            {"error", {{"code", 404}, {"message", "download files by their resolve URL"}}}};
  if (bytes > limits::object_bytes_max)
    return {{"oid", oid},
            {"error",
             {{"code", 422},
              {"message",
               "an object has at most " + std::to_string(limits::object_bytes_max) + " bytes"}}}};
  if (!here || *here != bytes)
    entry["actions"] = {{"upload", upload_action(ex, {oid, bytes, unix_now() + ticket_s})}};
  return entry;
}

task<hub_reply> batch(exchange& ex, std::string kind, std::string id) {
  if (auto why = cannot_write(ex))
    co_return tl::unexpected{std::move(*why)};
  auto doc = co_await read_object(ex);
  if (!doc)
    co_return tl::unexpected{std::move(doc.error())};
  auto known = co_await find_repository(ex, std::move(id), std::move(kind));
  if (!known)
    co_return tl::unexpected{std::move(known.error())};
  auto objects = doc->find("objects");
  if (objects == doc->end() || !objects->is_array() || objects->size() > asked_files_max)
    co_return tl::unexpected{
        hub_error{422, {}, "objects is a list of at most " + std::to_string(asked_files_max)}};
  auto is_download = field_of(*doc, "operation") == "download";
  auto work = [&] {
    auto list = document::array();
    for (auto& asked : *objects)
      list.push_back(batch_entry(ex, asked, is_download));
    return dump_json(document{{"transfer", "basic"}, {"objects", std::move(list)}});
  };
  auto body = co_await ex.on_disk(work);
  auto answer = json(200, std::move(body));
  answer.content_type = lfs_type;
  co_return answer;
}

task<> answer_batch(exchange& ex, std::string kind, std::string id) {
  auto reply = co_await batch(ex, std::move(kind), std::move(id));
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

/// @param path "ns/name.git/info/lfs/objects/batch".
task<> answer_batch_of(exchange& ex, std::string kind, std::string path) {
  if (path.ends_with(batch_path)) {
    path.resize(path.size() - batch_path.size());
    co_await answer_batch(ex, std::move(kind), std::move(path));
    co_return;
  }
  hub_reply reply = tl::unexpected{no_such_path()};
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

/// How one file of a question is to be uploaded.
document mode_of(const hub_place& place, const document& asked) {
  auto path = field_of(asked, "path");
  auto size = asked.find("size");
  auto bytes = size != asked.end() && size->is_number_unsigned() ? size->get<uint64_t>() : 0;
  auto sample = base64_decode(field_of(asked, "sample"));
  auto is_big = bytes > 0 && (is_kept_by_lfs(path, bytes) || (sample && !is_git_text(*sample)));
  document mode{
      {"path", path}, {"uploadMode", is_big ? "lfs" : "regular"}, {"shouldIgnore", false}};
  if (auto* file = place.files->find_file(path))
    mode["oid"] = file->git_blob ? file->git_blob->hex() : file->sha256.hex();
  return mode;
}

ticket ticket_of(const exchange& ex, const query_params& params) {
  ticket x;
  x.object = ex.param("sha256");
  auto read = [&](const char* name, auto& to) {
    auto text = params.get(name).value_or("");
    std::from_chars(text.data(), text.data() + text.size(), to);
  };
  read("size", x.size_bytes);
  read("until", x.until);
  return x;
}

} // namespace

std::optional<hub_error> cannot_write(const exchange& ex) {
  if (has_registry_key(ex))
    return std::nullopt;
  ex.srv().metrics.unauthorized.add();
  if (bearer_token(ex).empty())
    return who_are_you();
  return hub_error{403, {}, "This token may not write here"};
}

task<hub_result<nlohmann::json>> read_object(exchange& ex) {
  auto body = co_await ex.read_body(limits::json_body_bytes_max);
  if (!body)
    co_return tl::unexpected{hub_trouble(body.error())};
  auto doc = parse_json(*body);
  if (!doc)
    co_return tl::unexpected{hub_trouble(doc.error())};
  if (!doc->is_object())
    co_return tl::unexpected{hub_error{400, {}, "The body is no JSON object"}};
  co_return std::move(*doc);
}

std::string field_of(const nlohmann::json& object, const char* name) {
  auto i = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || i == object.end() || !i->is_string())
    return {};
  return i->get<std::string>();
}

std::string_view path_prefix(std::string_view kind) {
  return kind == "dataset" ? "datasets/" : kind == "space" ? "spaces/" : "";
}

task<hub_reply> preupload(exchange& ex, std::string kind, hub_path where) {
  if (auto why = cannot_write(ex))
    co_return tl::unexpected{std::move(*why)};
  auto doc = co_await read_object(ex);
  if (!doc)
    co_return tl::unexpected{std::move(doc.error())};
  auto files = doc->find("files");
  if (files == doc->end() || !files->is_array() || files->size() > asked_files_max)
    co_return tl::unexpected{
        hub_error{400, {}, "files is a list of at most " + std::to_string(asked_files_max)}};
  auto place = co_await find_place(ex, std::move(kind), std::move(where));
  if (!place)
    co_return tl::unexpected{std::move(place.error())};
  auto list = document::array();
  for (auto& asked : *files)
    list.push_back(mode_of(*place, asked));
  document answer{{"commitOid", place->commit}, {"files", std::move(list)}};
  co_return json(200, dump_json(answer));
}

task<> hub_model_lfs(exchange& ex) {
  return answer_batch_of(ex, "model", id_of(ex) + "/info/lfs/objects/batch");
}

task<> hub_dataset_lfs(exchange& ex) {
  return answer_batch_of(ex, "dataset", ex.param("path"));
}

task<> hub_space_lfs(exchange& ex) {
  return answer_batch_of(ex, "space", ex.param("path"));
}

task<> lfs_put(exchange& ex) {
  auto params = ex.params();
  auto x = params ? ticket_of(ex, *params) : ticket{};
  auto signature = params ? params->get("ticket").value_or("") : "";
  if (!params || !is_valid(ex, x, signature)) {
    ex.srv().metrics.unauthorized.add();
    hub_reply reply = tl::unexpected{
        hub_error{403, {}, "This address is not valid, or not any more: ask for another one"}};
    co_await send_hub(ex, std::move(reply), hub_body::json);
    co_return;
  }
  co_await object_put(ex);
}

} // namespace shoal::http
