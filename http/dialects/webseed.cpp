// SPDX-License-Identifier: Apache-2.0
// The web seed: files of published revisions by name. @source BEP 19
#include "http/dialects/handlers.hpp"
#include "http/dialects/licence_gate.hpp"
#include "http/dialects/pulled_bytes.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "http/dialects/seed_path.hpp"
#include "http/dialects/swarmui_access.hpp"
#include "protocol/content_type.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/percent.hpp"

namespace shoal::http {

namespace {

/// What a path leads to: a file of a manifest or padding. The client's path is only ever compared
/// with those of the manifest, never given to the file system.
struct seed_target {
  std::optional<manifest_file> file; ///< Absent for padding.
  origin_name name;                  ///< Of the file.
  stored_bytes bytes;
  std::shared_ptr<const manifest> gated = nullptr; ///< Not before its licence is accepted.
  revision what = {};                              ///< With `gated`.
};

/// A revision's name may be used anew after it was removed, so caches ask again after an hour.
constexpr std::string_view shared = "public, max-age=3600, immutable";
constexpr std::string_view unshared = "private, max-age=3600, immutable";

seed_target target_of(const manifest& m, const manifest_file& file) {
  seed_target target;
  target.file = file;
  target.name = {m.kind, m.id.str(), m.rev, file.path};
  target.bytes.size_bytes = file.size_bytes;
  target.bytes.etag = '"' + file.sha256.hex() + '"';
  target.bytes.content_type = content_type(file.path);
  target.bytes.cache_control = m.is_private ? unshared : shared;
  return target;
}

seed_target padding(const manifest& m, uint64_t size_bytes) {
  seed_target target;
  target.bytes.size_bytes = size_bytes;
  target.bytes.etag = "\"pad-" + std::to_string(size_bytes) + '"';
  target.bytes.content_type = "application/octet-stream";
  target.bytes.cache_control = m.is_private ? unshared : shared;
  return target;
}

/// The licence itself is for everybody.
task<seed_target> guarded(exchange& ex, revision what, std::shared_ptr<const manifest> m,
                          const manifest_file& file) {
  auto target = target_of(*m, file);
  if (!m->is_gated || &file == licence_file(*m))
    co_return target;
  auto may = co_await has_accepted(ex, whoever_asks(ex), what, m);
  if (!may) {
    target.gated = std::move(m);
    target.what = std::move(what);
  }
  target.bytes.cache_control = "private, no-cache";
  co_return target;
}

task<result<seed_target>> find_target(exchange& ex, seed_path where) {
  auto found = co_await find_revision(ex, where.id, where.rev);
  if (!found)
    co_return tl::unexpected{found.error()};
  auto loaded = co_await load_manifest(ex, found->manifest);
  if (!loaded)
    co_return tl::unexpected{loaded.error()};
  auto& m = **loaded;
  // A torrent in the single-file style has no folder: its file has the name of the revision.
  auto* file = m.find_file(where.file.empty() && m.files.size() == 1 ? m.rev : where.file);
  if (file) {
    auto target = co_await guarded(ex, *found, *loaded, *file);
    co_return target;
  }
  if (auto size_bytes = padding_of(where.file))
    co_return padding(m, *size_bytes);
  auto guess = [&m, &where, query = ex.query()] { return find_as_spelled(m, where.file, query); };
  file = co_await ex.on_disk(guess);
  if (file) {
    auto target = co_await guarded(ex, *found, *loaded, *file);
    co_return target;
  }
  co_return fail(ec::not_found, "no such file in " + where.id + "@" + where.rev);
}

/// Where the bytes may be if they are not here. @source Weightless `WEBSEED_BASE_URL`
response elsewhere(const exchange& ex, const seed_path& where) {
  auto url = ex.config().webseed_base_url + '/' + percent_encode_path(where.id) + "/resolve/"
             + percent_encode(where.rev) + '/' + percent_encode_path(where.file);
  // Not to be kept: the file may be published here tomorrow.
  return text(307, "").with("Location", std::move(url)).with("Cache-Control", "no-store");
}

stored_bytes bytes_of(const origin_name& name, const origin_file& found) {
  stored_bytes bytes;
  bytes.size_bytes = found.what.size_bytes;
  bytes.etag = etag_of(found.what);
  bytes.content_type = content_type(name.path);
  bytes.cache_control = is_commit_id(name.rev) ? shared : "no-cache";
  if (!found.what.commit.empty())
    bytes.headers.emplace_back("X-Repo-Commit", found.what.commit);
  if (found.is_stale)
    bytes.headers.emplace_back("Warning", "110 - \"Response is Stale\"");
  return bytes;
}

/// Brings a file that nobody has published here from where it is.
task<> from_origin(exchange& ex, seed_path where) {
  origin_name name{"model", std::move(where.id), std::move(where.rev), std::move(where.file)};
  auto found = co_await find_at_origin(ex, name);
  if (found && found->found) {
    auto bytes = bytes_of(name, *found);
    co_await send_pulled(ex, std::move(name), std::move(found->what), std::move(bytes));
    co_return;
  }
  error why{ec::not_found, "no such file, here or at the origin"};
  if (!found)
    why = found.error();
  why = unless_behind(ex, std::move(why));
  co_await ex.send(json_error(why));
}

} // namespace

task<> webseed(exchange& ex) {
  error why{ec::not_found, "no such file"};
  std::vector<seed_path> readings;
  // The router ignores a slash at the end, but no file has one there.
  if (!ex.path().ends_with('/'))
    readings = seed_path_readings(ex.param("path"));
  for (auto& reading : readings) {
    auto target = co_await find_target(ex, reading);
    if (target && target->gated) {
      co_await demand_acceptance(ex, std::move(target->what), std::move(target->gated));
      co_return;
    }
    if (target && target->file) {
      co_await send_file_of(ex, std::move(target->name), *target->file, std::move(target->bytes));
      co_return;
    }
    if (target) {
      co_await send_padding(ex, std::move(target->bytes));
      co_return;
    }
    // The first reading is the likelier one; that a revision is private says more than either.
    if (&reading == &readings.front() || target.error().code != ec::not_found)
      why = target.error();
  }
  auto sought = why.code == ec::not_found && !readings.empty() && !readings.front().file.empty();
  if (sought && may_come_from_origin(ex, readings.front().id)) {
    auto is_secret = co_await is_secret_here(ex, "model", readings.front().id);
    if (!is_secret) {
      co_await from_origin(ex, std::move(readings.front()));
      co_return;
    }
  }
  why = unless_behind(ex, std::move(why));
  auto redirects = sought && why.code == ec::not_found && !ex.config().webseed_base_url.empty()
                   && !may_come_from_origin(ex, readings.front().id);
  auto answer = redirects ? elsewhere(ex, readings.front()) : json_error(why);
  co_await ex.send(std::move(answer));
}

} // namespace shoal::http
