// SPDX-License-Identifier: Apache-2.0
// Publishing: objects that were uploaded before get a name and a place in the registry.
#include "core/log.hpp"
#include "http/dialects/announce_access.hpp"
#include "http/dialects/bring_file.hpp"
#include "http/dialects/file_cards.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/registration.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/manifest_torrent.hpp"

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// A publication that is ready to be registered.
struct prepared {
  held_publication ready;
  bool was_there = false; ///< The revision's name is taken, by this or by other content.
};

result<void> check_objects(object_store& objects, const manifest& m) {
  for (auto& file : m.files) {
    auto size = objects.size(file.sha256);
    if (!size)
      return fail(ec::invalid_argument,
                  "PUT /api/objects/" + file.sha256.hex() + " first: the bytes of " + file.path);
    if (*size != file.size_bytes)
      return fail(ec::invalid_argument, file.path + " has " + std::to_string(*size) + " bytes");
  }
  return {};
}

result<void> adopt_torrents(object_store& objects, manifest& m) {
  for (auto& torrent : m.torrents) {
    auto bytes = objects.load(torrent.object, limits::metainfo_bytes_max);
    if (!bytes && bytes.error().code == ec::not_found)
      return fail(ec::invalid_argument, "PUT /api/objects/" + torrent.object.hex()
                                            + " first: the torrent " + torrent.format);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    auto info = parse_metainfo(*bytes);
    if (!info)
      return fail(info.error().code, "torrent " + torrent.format + ": " + info.error().detail);
    if (auto adopted = adopt_torrent(m, torrent, *info); !adopted)
      return adopted;
  }
  return validate(m);
}

/// Gives small texts the names that git has for them.
result<void> name_blobs(object_store& objects, manifest& m) {
  for (auto& file : m.files) {
    if (is_kept_by_lfs(file.path, file.size_bytes))
      continue;
    auto bytes = objects.load(file.sha256, limits::git_blob_bytes_max);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    if (is_git_text(*bytes))
      file.git_blob = git_blob_id(*bytes);
  }
  return {};
}

/// @returns the object of the manifest. @param before the revision's manifest if there is one: it
/// may be of the time when blobs had no names, or model files or repositories no cards, and stays
/// as it is if all the rest is the same.
result<sha256_digest> store_manifest(object_store& objects, publication& what,
                                     const std::optional<sha256_digest>& before) {
  auto& m = what.content;
  auto is_before = [&] { return before && sha256(encode_manifest(m)) == *before; };
  if (is_before())
    return *before;
  if (auto named = name_blobs(objects, m); !named)
    return tl::unexpected{named.error()};
  if (is_before())
    return *before;
  if (auto added = add_cards(objects, m, what.category); !added)
    return tl::unexpected{added.error()};
  if (is_before())
    return *before;
  auto card = read_repository_card(objects, m);
  if (!card)
    return tl::unexpected{card.error()};
  m.card = std::move(*card);
  describe_by_card(what, profile_of(m, m.card));
  return objects.files().put(encode_manifest(m));
}

/// What a publication names and is not here. Runs on the disk pool.
result<std::vector<sha256_digest>> absent_objects(object_store& objects, const model_id& id,
                                                  const std::string& rev, const std::string& body) {
  auto what = read_publication(id, rev, body);
  if (!what)
    return tl::unexpected{what.error()};
  std::vector<sha256_digest> absent;
  auto look = [&](const sha256_digest& object) {
    if (!objects.size(object))
      absent.push_back(object);
  };
  for (auto& file : what->content.files)
    look(file.sha256);
  for (auto& torrent : what->content.torrents)
    look(torrent.object);
  return absent;
}

/// Behind a balancer, uploads reach other nodes than the publication that names them.
/// @returns whether anything came. @errors ec::unavailable: something is there and did not come;
/// ec::busy: it is so much that whoever publishes is to ask again.
task<result<bool>> bring_uploads(exchange& ex, const model_id& id, const std::string& rev,
                                 const std::string& body, mono_time until) {
  if (!ex.far())
    co_return false;
  auto* objects = &ex.node().objects();
  auto look = [&] { return absent_objects(*objects, id, rev, body); };
  auto absent = co_await ex.on_disk(look);
  if (!absent)
    co_return tl::unexpected{absent.error()};
  bool came = false;
  for (auto& object : *absent) {
    auto brought = co_await bring_file(ex, object, until);
    if (brought)
      came = true;
    else if (brought.error().code == ec::busy)
      co_return tl::unexpected{brought.error()};
    else if (brought.error().code == ec::not_found)
      co_return came; // Nobody has it: the publisher is told which one.
    else
      co_return fail(ec::unavailable, "upload " + object.brief()
                                          + ", or ask again: it may be at another node: "
                                          + to_string(brought.error()));
  }
  co_return came;
}

/// Everything that takes its time. Runs on the disk pool.
result<prepared> prepare(shoal::node& node, const model_id& id, const std::string& rev,
                         const std::string& body, const std::optional<sha256_digest>& before) {
  auto& objects = node.objects();
  auto what = read_publication(id, rev, body);
  if (!what)
    return tl::unexpected{what.error()};
  auto& m = what->content;
  auto checked = check_objects(objects, m).and_then([&] { return adopt_torrents(objects, m); });
  if (!checked)
    return tl::unexpected{checked.error()};
  auto stored = store_manifest(objects, *what, before);
  if (!stored)
    return tl::unexpected{stored.error()};
  auto held = node.claims().take(objects_of(m, *stored));
  if (!held)
    return tl::unexpected{held.error()};
  auto named = sized_objects_of(objects, m, *stored);
  return prepared{{std::move(*what), *stored, std::move(*held), std::move(named)},
                  before.has_value()};
}

task<result<prepared>> prepare_request(exchange& ex) {
  auto id = model_id::parse(id_of(ex));
  auto& rev = ex.param("rev");
  if (!id || !is_revision(rev))
    co_return fail(ec::invalid_argument,
                   "each part of an id and a revision has 1 to 128 of A-Z a-z 0-9 . _ - and does "
                   "not start with a dot");
  auto body = co_await ex.read_body(limits::publish_body_bytes_max);
  if (!body)
    co_return tl::unexpected{body.error()};
  lookup_revision same{id->str(), rev};
  auto known = co_await ex.ask<revision>(ex.node().catalog(), std::move(same));
  std::optional<sha256_digest> before;
  if (known && !known->is_mirror)
    before = known->manifest;
  auto* node = &ex.node();
  auto work = [node, &id, &rev, &body, &before] { return prepare(*node, *id, rev, *body, before); };
  auto ready = co_await ex.on_disk(work);
  if (ready || ready.error().code != ec::invalid_argument)
    co_return ready;
  auto answer_by = mono_now() + publication_patience;
  auto came = co_await bring_uploads(ex, *id, rev, *body, answer_by);
  if (!came)
    co_return tl::unexpected{came.error()};
  if (!*came)
    co_return ready;
  auto again = co_await ex.on_disk(work);
  if (again)
    again->ready.answer_by = answer_by;
  co_return again;
}

/// What the publisher is told. @param made what the registry says now.
std::string summary(const held_publication& done, const registry_entry& made, const public_urls& at,
                    const std::string& passkey) {
  auto& m = done.what.content;
  document doc{{"id", m.id.str()},
               {"rev", m.rev},
               {"manifest", done.manifest.hex()},
               {"files", m.files.size()},
               {"size_bytes", made.size_bytes},
               {"torrents", torrents_json(m, made, at, passkey)}};
  if (!m.is_private)
    doc["webseed_url"] = at.base + webseed_path(m.id.str(), m.rev);
  return dump_json(doc);
}

} // namespace

task<> publish_model(exchange& ex) {
  auto ready = co_await prepare_request(ex);
  if (!ready) {
    if (!is_client_error(ready.error().code))
      log::warn("http", "cannot publish error=\"{}\"", to_string(ready.error()));
    co_await ex.send(json_error(ready.error()));
    co_return;
  }
  auto made = co_await register_held(ex, ready->ready);
  if (!made) {
    co_await ex.send(json_error(made.error()));
    co_return;
  }
  auto status = ready->was_there ? 200u : 201u;
  auto body = summary(ready->ready, *made, urls_of(ex), passkey_of_query(ex));
  co_await ex.send(json(status, std::move(body)));
}

task<> remove_model(exchange& ex) {
  // Whoever may write may remove: find_revision asks readers of private ones for a key as well.
  auto found = co_await find_revision(ex, id_of(ex), ex.param("rev"));
  if (!found) {
    auto why = unless_behind(ex, std::move(found.error()));
    co_await ex.send(json_error(why));
    co_return;
  }
  auto& shard = shard_of(ex, found->entry_key);
  remove_revision ask{found->id, found->rev};
  auto gone = co_await ex.ask<atom::clear>(shard, std::move(ask));
  // Not one conditional expression: GCC 12 evaluates both of its sides inside of a co_await.
  if (gone)
    co_await ex.send(json(200, R"({"status":"deleted"})"));
  else
    co_await ex.send(json_error(gone.error()));
}

} // namespace shoal::http
