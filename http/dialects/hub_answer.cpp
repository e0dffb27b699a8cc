// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_answer.hpp"

#include "core/hex.hpp"
#include "protocol/content_type.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/percent.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <random>

namespace shoal::http {

namespace {

/// What huggingface_hub refuses to download over HTTP. @source its MAX_HTTP_DOWNLOAD_SIZE
constexpr uint64_t client_bytes_max = 50'000'000'000;

constexpr std::string_view exposed
    = "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,"
      "Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag";

/// Messages quote what the client has sent.
std::string header_text(std::string text) {
  auto is_odd = [](char c) { return c < 0x20 || c > 0x7e; };
  std::replace_if(text.begin(), text.end(), is_odd, '?');
  return text;
}

/// The form in which Hugging Face names a file, to the letter.
std::string disposition_of(std::string_view path) {
  auto name = path.substr(path.rfind('/') + 1); // npos + 1 is 0.
  auto plain = header_text(std::string{name});
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return c == '"' || c == '\\'; }, '?');
  return "inline; filename*=UTF-8''" + percent_encode(name) + "; filename=\"" + plain + "\";";
}

std::string too_big_for_clients(const manifest& m, const manifest_file& file, file_place place,
                                const std::string& commit) {
  auto key = ref_key(m.id, place == file_place::here ? m.rev : commit);
  return "This file has " + std::to_string(file.size_bytes)
         + " bytes; huggingface_hub does not download more than 50 GB over HTTP. Use: shoal get "
         + key;
}

} // namespace

hub_error repository_unknown() {
  return {404, "RepoNotFound", "Repository not found"};
}

hub_error revision_unknown(std::string_view name) {
  return {404, "RevisionNotFound", "Invalid rev id: " + std::string{name}};
}

hub_error entry_unknown(std::string commit) {
  return {404, "EntryNotFound", "Entry not found", std::move(commit)};
}

hub_error no_such_path() {
  return {404, {}, "There is no such path"};
}

hub_error licence_not_accepted(std::string_view id, std::string_view base_url, bool is_known) {
  std::string name{id};
  return {is_known ? 403u : 401u, "GatedRepo",
          "Access to model " + name + " is restricted: its licence must be accepted first (POST "
              + std::string{base_url} + "/API/AcceptLicense)."};
}

hub_error who_are_you() {
  return {401, {}, "Invalid username or password."};
}

hub_error hub_trouble(const error& err) {
  auto message = is_client_error(err.code) ? to_string(err) : std::string{sentence(err.code)};
  return {status_of(err.code), {}, std::move(message)};
}

response hub_refusal(const hub_error& err, hub_body form) {
  auto r = text(err.status, err.message);
  if (form == hub_body::json)
    r = json(err.status, nlohmann::json{{"error", err.message}}.dump(
                             -1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!err.code.empty())
    r.headers.emplace_back("X-Error-Code", err.code);
  r.headers.emplace_back("X-Error-Message", header_text(err.message));
  if (!err.commit.empty())
    r.headers.emplace_back("X-Repo-Commit", err.commit);
  if (err.status == 401)
    r.headers.emplace_back("WWW-Authenticate",
                           "Bearer realm=\"Authentication required\", charset=\"UTF-8\"");
  if (err.status == 503)
    r.headers.emplace_back("Retry-After", "5");
  return r;
}

header_list hub_headers(std::string request_id) {
  return {{"Access-Control-Expose-Headers", std::string{exposed}},
          {"Access-Control-Max-Age", "86400"},
          {"Vary", "Origin"},
          {"X-Request-Id", std::move(request_id)}};
}

std::string new_request_id() {
  thread_local std::mt19937_64 source{std::random_device{}()};
  std::array<uint8_t, 16> bytes{};
  std::generate(bytes.begin(), bytes.end(), [] { return static_cast<uint8_t>(source()); });
  return to_hex(bytes);
}

std::string next_link(std::string_view url) {
  return '<' + std::string{url} + ">; rel=\"next\"";
}

hub_file_headers headers_of(const manifest& m, const manifest_file& file, const std::string& commit,
                            file_place place) {
  hub_file_headers h;
  auto add
      = [&](const char* name, std::string value) { h.more.emplace_back(name, std::move(value)); };
  add("X-Repo-Commit", commit);
  add("Content-Disposition", disposition_of(file.path));
  add("Content-Security-Policy", "default-src 'none'; sandbox");
  if (file.git_blob) {
    h.etag = '"' + file.git_blob->hex() + '"';
    h.content_type = "text/plain; charset=utf-8";
  } else {
    h.etag = '"' + file.sha256.hex() + '"';
    h.content_type = content_type(file.path);
    add("X-Linked-Size", std::to_string(file.size_bytes));
    add("X-Linked-Etag", h.etag);
  }
  if (file.size_bytes > client_bytes_max) {
    auto advice = too_big_for_clients(m, file, place, commit);
    add("X-HF-Warning", "large-file; " + advice);
    add("X-Error-Message", std::move(advice));
  }
  return h;
}

} // namespace shoal::http
