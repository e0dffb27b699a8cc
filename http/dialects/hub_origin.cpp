// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_origin.hpp"

#include "http/dialects/pulled_bytes.hpp"
#include "http/dialects/swarmui_access.hpp"
#include "protocol/content_type.hpp"
#include "protocol/digest.hpp"
#include "protocol/git_identity.hpp"

namespace shoal::http {

namespace {

/// What the origin has under the likeliest reading of a path.
struct origin_match {
  origin_name name;
  origin_file file;
};

task<result<origin_match>> match(exchange& ex, std::string kind, hub_path where) {
  origin_match best;
  error why{ec::not_found, {}};
  auto is_known = false;
  for (auto& ref : ref_readings(where.rest)) {
    origin_name name{kind, where.id, catalog_name(ref.name), ref.path};
    auto found = co_await find_at_origin(ex, name);
    if (found && found->found)
      co_return origin_match{std::move(name), std::move(*found)};
    if (found && !is_known) {
      is_known = true;
      best = {std::move(name), std::move(*found)};
    } else if (!found) {
      why = found.error();
    }
  }
  if (!is_known)
    co_return tl::unexpected{why};
  co_return best;
}

/// What clients are told of a file that the origin does not have, in the origin's own words.
hub_error refusal_of(const exchange& ex, const origin_file& file, const std::string& rev) {
  auto& code = file.error_code;
  if (code == "EntryNotFound")
    return entry_unknown(file.what.commit);
  if (code == "RevisionNotFound")
    return revision_unknown(rev);
  if (code == "GatedRepo") {
    auto is_known = whoever_asks(ex).kind != principal_kind::address;
    return {is_known ? 403u : 401u, code, "Access to this repository is restricted at its origin"};
  }
  if (code == "DisabledRepo") // Clients know it by the words alone.
    return {403, {}, "Access to this resource is disabled."};
  if (code.empty() && !file.what.commit.empty())
    return entry_unknown(file.what.commit);
  return repository_unknown();
}

/// The commit that clients file it under; an origin that is no hub names none.
std::string commit_of(const origin_match& found) {
  auto& what = found.file.what;
  return what.commit.empty() ? sha1(text_of(found.name) + '\n' + what.etag).hex() : what.commit;
}

stored_bytes bytes_of(const exchange& ex, const origin_match& found) {
  auto& what = found.file.what;
  manifest m;
  m.id = *model_id::parse(found.name.id);
  m.rev = found.name.rev;
  manifest_file file{found.name.path, what.size_bytes, what.sha256.value_or(sha256_digest{}),
                     std::nullopt, what.git_blob};
  auto headers = headers_of(m, file, commit_of(found), file_place::origin);
  stored_bytes bytes;
  bytes.size_bytes = what.size_bytes;
  bytes.etag = etag_of(what);
  bytes.content_type = what.git_blob ? "text/plain; charset=utf-8" : content_type(file.path);
  bytes.cache_control
      = is_commit_id(found.name.rev) ? "public, max-age=3600, immutable" : "no-cache";
  for (auto& header : headers.more)
    if (what.sha256 || !header.first.starts_with("X-Linked"))
      bytes.headers.push_back(std::move(header));
  for (auto& header : hub_headers(new_request_id()))
    bytes.headers.push_back(std::move(header));
  if (found.file.is_stale)
    bytes.headers.emplace_back("Warning", "110 - \"Response is Stale\"");
  if (what.size_bytes == 0 && !ex.header("Range").empty())
    bytes.headers.emplace_back("Content-Range", content_range_unsatisfiable(0));
  return bytes;
}

/// What the first reading that the origin knows leads to.
struct listed_match {
  origin_name name;
  origin_listing listing;
};

task<result<listed_match>> list(exchange& ex, std::string kind, hub_path where) {
  auto refs = ref_readings(where.rest);
  if (refs.empty())
    refs.push_back({"main", {}});
  result<listed_match> best = fail(ec::not_found);
  for (auto& ref : refs) {
    origin_name name{kind, where.id, catalog_name(ref.name), ref.path};
    list_origin question{name};
    auto found = co_await ex.ask<origin_listing>(ex.node().webseed(), std::move(question), true);
    if (found && (found->found || !best))
      best = listed_match{std::move(name), std::move(*found)};
    else if (!found && !best)
      best = tl::unexpected{found.error()};
    if (best && best->listing.found)
      break;
  }
  co_return best;
}

/// A manifest with what git says of the files; texts have no SHA-256 yet.
result<manifest> manifest_of(const listed_match& found) {
  manifest m;
  m.id = *model_id::parse(found.name.id);
  m.rev = found.listing.commit;
  m.kind = found.name.kind;
  if (found.listing.card)
    m.card = *found.listing.card;
  for (auto& file : *found.listing.files)
    m.files.push_back({file.path, file.size_bytes, file.sha256.value_or(sha256_digest{}),
                       std::nullopt, file.git_blob});
  normalize(m);
  return validate(m).map([&] { return std::move(m); });
}

revision revision_of(const manifest& m, const origin_name& name) {
  revision made;
  made.id = name.id;
  made.rev = m.rev;
  made.kind = m.kind;
  made.manifest = sha256("origin " + name.kind + '/' + name.id + '@' + m.rev);
  made.size_bytes = m.total_size_bytes();
  return made;
}

/// The commit of a model that came last, for an origin that does not say what "main" is.
/// @param why the origin gave no answer. @returns nothing if there is none, or that was no reason.
task<std::optional<hub_path>> last_mirror(exchange& ex, std::string kind, hub_path where,
                                          error why) {
  if (why.code != ec::unavailable && why.code != ec::timeout)
    co_return std::nullopt;
  lookup_revision question{where.id, {}};
  auto latest = co_await ex.ask<revision>(ex.node().catalog(), std::move(question));
  if (!latest || !latest->is_mirror || latest->kind != kind)
    co_return std::nullopt;
  auto refs = ref_readings(where.rest);
  if (refs.empty())
    refs.push_back({"main", {}});
  for (auto& ref : refs) {
    if (catalog_name(ref.name) != "main")
      continue;
    where.rest = latest->rev + (ref.path.empty() ? "" : "/") + ref.path;
    co_return where;
  }
  co_return std::nullopt;
}

} // namespace

task<hub_result<hub_place>> find_place_anywhere(exchange& ex, std::string kind, hub_path where) {
  auto place = co_await find_place(ex, kind, where);
  if (place)
    co_return place;
  auto is_theirs = co_await is_for_origin(ex, kind, where.id, place.error());
  if (!is_theirs)
    co_return place;
  auto found = co_await list(ex, kind, where);
  if (!found) {
    auto last = co_await last_mirror(ex, kind, std::move(where), found.error());
    if (!last)
      co_return tl::unexpected{hub_trouble(found.error())};
    place = co_await find_place(ex, std::move(kind), std::move(*last));
    co_return place;
  }
  if (!found->listing.found) {
    origin_file none;
    none.error_code = found->listing.error_code;
    co_return tl::unexpected{refusal_of(ex, none, found->name.rev)};
  }
  auto work = [&found] { return manifest_of(*found); };
  auto made = co_await ex.on_disk(work);
  if (!made)
    co_return tl::unexpected{hub_trouble({ec::unavailable, made.error().detail})};
  auto what = revision_of(*made, found->name);
  auto files = std::make_shared<const manifest>(std::move(*made));
  co_return hub_place{std::move(what),
                      std::move(files),
                      found->listing.commit,
                      found->name.path,
                      is_commit_id(found->name.rev),
                      true};
}

task<bool> is_for_origin(exchange& ex, std::string kind, std::string id, hub_error why) {
  if (why.status != 404 || (why.code != "RepoNotFound" && why.code != "RevisionNotFound")
      || !may_come_from_origin(ex, id))
    co_return false;
  auto is_secret = co_await is_secret_here(ex, std::move(kind), std::move(id));
  co_return !is_secret;
}

task<std::optional<hub_path>> send_hub_origin(exchange& ex, std::string kind, hub_path where,
                                              hub_error why) {
  auto found = co_await match(ex, kind, where);
  if (found && found->file.found) {
    auto bytes = bytes_of(ex, *found);
    co_await send_pulled(ex, std::move(found->name), std::move(found->file.what), std::move(bytes));
    co_return std::nullopt;
  }
  if (!found) {
    auto last = co_await last_mirror(ex, std::move(kind), std::move(where), found.error());
    if (last)
      co_return last;
  }
  if (found)
    why = refusal_of(ex, found->file, found->name.rev);
  else if (found.error().code != ec::unsupported)
    why = hub_trouble(found.error());
  hub_reply reply = tl::unexpected{std::move(why)};
  co_await send_hub(ex, std::move(reply), hub_body::text);
  co_return std::nullopt;
}

} // namespace shoal::http
