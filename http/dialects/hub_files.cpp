// SPDX-License-Identifier: Apache-2.0
// Hugging Face's files: /{id}/resolve/{rev}/{path} and /{id}/raw/{rev}/{path}.
#include "http/dialects/handlers.hpp"
#include "http/dialects/hub_origin.hpp"
#include "http/dialects/licence_gate.hpp"
#include "http/dialects/pulled_bytes.hpp"
#include "http/dialects/revisions.hpp"
#include "http/dialects/swarmui_access.hpp"
#include "protocol/byte_range.hpp"
#include "protocol/git_identity.hpp"

namespace shoal::http {

namespace {

/// A name may stand for another commit tomorrow.
std::string_view cache_control_of(const hub_place& place) {
  if (!place.is_pinned)
    return "no-cache";
  return place.what.is_private ? "private, max-age=3600, immutable"
                               : "public, max-age=3600, immutable";
}

stored_bytes bytes_of(const exchange& ex, const hub_place& place, const manifest_file& file) {
  auto headers = headers_of(*place.files, file, place.commit);
  stored_bytes bytes;
  bytes.size_bytes = file.size_bytes;
  bytes.etag = std::move(headers.etag);
  bytes.content_type = headers.content_type;
  bytes.cache_control = cache_control_of(place);
  bytes.headers = std::move(headers.more);
  for (auto& header : hub_headers(new_request_id()))
    bytes.headers.push_back(std::move(header));
  // huggingface.js asks for the first byte to learn the size, and reads it behind the slash.
  if (file.size_bytes == 0 && !ex.header("Range").empty())
    bytes.headers.emplace_back("Content-Range", content_range_unsatisfiable(0));
  return bytes;
}

/// The pointer that git has in a big file's place.
response pointer_answer(const hub_place& place, const manifest_file& file) {
  auto answer = text(200, lfs_pointer(file.sha256, file.size_bytes));
  answer.headers.emplace_back("ETag", '"' + git_blob_of(file).hex() + '"');
  answer.headers.emplace_back("X-Repo-Commit", place.commit);
  return answer;
}

task<> send_file(exchange& ex, std::string kind, hub_path where) {
  auto wants_pointer = where.verb == "raw";
  auto place = co_await find_place(ex, kind, where);
  auto is_stale = false;
  if (!place && !wants_pointer) {
    auto is_theirs = co_await is_for_origin(ex, kind, where.id, place.error());
    if (is_theirs) {
      auto last = co_await send_hub_origin(ex, kind, std::move(where), std::move(place.error()));
      if (!last)
        co_return;
      is_stale = true;
      place = co_await find_place(ex, kind, std::move(*last));
    }
  }
  auto* file = place ? place->files->find_file(place->path) : nullptr;
  if (file && place->files->is_gated) {
    auto who = whoever_asks(ex);
    auto may = co_await has_accepted(ex, who, place->what, place->files);
    if (!may && file != licence_file(*place->files)) {
      ex.srv().metrics.licence_required.add();
      auto is_known = who.kind != principal_kind::address;
      hub_reply refusal
          = tl::unexpected{licence_not_accepted(place->what.id, ex.base_url(), is_known)};
      co_await send_hub(ex, std::move(refusal), hub_body::text);
      co_return;
    }
  }
  if (file && !(wants_pointer && !file->git_blob)) {
    auto bytes = bytes_of(ex, *place, *file);
    if (is_stale) {
      bytes.cache_control = "no-cache";
      bytes.headers.emplace_back("Warning", "110 - \"Response is Stale\"");
    }
    origin_name name{std::move(kind), place->what.id, place->what.rev, file->path};
    co_await send_file_of(ex, std::move(name), *file, std::move(bytes));
    co_return;
  }
  hub_reply reply;
  if (!place)
    reply = tl::unexpected{std::move(place.error())};
  else if (!file)
    reply = tl::unexpected{no_entry(ex, *place)};
  else
    reply = pointer_answer(*place, *file);
  co_await send_hub(ex, std::move(reply), hub_body::text);
}

task<> send_from(exchange& ex, std::string kind) {
  auto readings = hub_readings(ex.param("path"), {"resolve", "raw"});
  auto where = co_await choose_reading(ex, kind, std::move(readings));
  if (where && !where->verb.empty()) {
    co_await send_file(ex, std::move(kind), std::move(*where));
    co_return;
  }
  auto why = where ? no_such_path() : std::move(where.error());
  hub_reply reply = tl::unexpected{std::move(why)};
  co_await send_hub(ex, std::move(reply), hub_body::text);
}

} // namespace

task<> hub_model_file(exchange& ex) {
  return send_file(ex, "model", {id_of(ex), "resolve", ex.param("path")});
}

task<> hub_model_raw(exchange& ex) {
  return send_file(ex, "model", {id_of(ex), "raw", ex.param("path")});
}

task<> hub_dataset_file(exchange& ex) {
  return send_from(ex, "dataset");
}

task<> hub_space_file(exchange& ex) {
  return send_from(ex, "space");
}

} // namespace shoal::http
