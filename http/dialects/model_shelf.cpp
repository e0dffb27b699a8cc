// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/model_shelf.hpp"

#include "core/limits.hpp"
#include "http/credentials.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "persistence/object_owners.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <tuple>

namespace shoal::http {

namespace {

constexpr std::string_view kind = "model";
constexpr std::string_view usual_suffix = ".safetensors";

/// Revisions with the same file among which the latest is looked for.
constexpr size_t owners_max = 64;

model_card card_of(const manifest& m, const manifest_file& file) {
  auto* card = m.find_card(file.path);
  return card ? *card : plain_card(file.path);
}

shelf_item item_of(const revision& what, const std::shared_ptr<const manifest>& files,
                   const manifest_file& file) {
  return {what, files, &file, card_of(*files, file)};
}

/// A reading of a name: what comes before the path may be one segment or two.
struct name_reading {
  std::string id;
  std::string rev = "main";
  std::string path;
};

std::vector<name_reading> readings_of(std::string_view name) {
  std::vector<name_reading> all;
  auto first = name.find('/');
  for (auto end : {first == std::string_view::npos ? first : name.find('/', first + 1), first}) {
    if (end == std::string_view::npos)
      continue;
    name_reading one{std::string{name.substr(0, end)}, "main", std::string{name.substr(end + 1)}};
    if (auto at = one.id.rfind('@'); at != std::string::npos) {
      one.rev = one.id.substr(at + 1);
      one.id.resize(at);
    }
    all.push_back(std::move(one));
  }
  return all;
}

task<result<revision>> find_revision(exchange& ex, std::string id, std::string rev,
                                     bool with_private) {
  repository_query where{std::move(id), std::string{kind}, with_private};
  resolve_name ask{std::move(where), std::move(rev)};
  auto found = co_await ex.ask<resolved_name>(ex.node().catalog(), std::move(ask));
  if (!found)
    co_return tl::unexpected{found.error()};
  if (!found->revision_known)
    co_return fail(ec::not_found);
  co_return std::move(found->what);
}

task<result<shelf_revision>> find_named(exchange& ex, std::string id, std::string rev,
                                        bool with_private) {
  auto found = co_await find_revision(ex, std::move(id), std::move(rev), with_private);
  if (!found)
    co_return tl::unexpected{found.error()};
  auto files = co_await load_manifest(ex, found->manifest);
  if (!files)
    co_return tl::unexpected{files.error()};
  co_return shelf_revision{std::move(*found), std::move(*files)};
}

task<result<shelf_item>> find_reading(exchange& ex, name_reading wanted, bool with_private) {
  auto found = co_await find_named(ex, std::move(wanted.id), std::move(wanted.rev), with_private);
  if (!found)
    co_return tl::unexpected{found.error()};
  auto* file = found->files->find_file(wanted.path);
  if (!file)
    file = found->files->find_file(wanted.path.append(usual_suffix));
  if (!file || !is_model_file(file->path))
    co_return fail(ec::not_found);
  co_return item_of(found->what, found->files, *file);
}

/// @returns the file of a revision that has that hash, or whose tensors have it.
const manifest_file* find_hash(const manifest& m, const sha256_digest& hash) {
  for (auto& file : m.files)
    if (file.sha256 == hash && is_model_file(file.path))
      return &file;
  for (auto& card : m.cards)
    if (card.tensor_sha256 == hash)
      return m.find_file(card.path);
  return nullptr;
}

bool has_hash(const shelf_item& item, const sha256_digest& hash) {
  return item.file->sha256 == hash || item.card.tensor_sha256 == hash;
}

/// @returns a model file of that hash in the latest of these revisions that has one.
task<result<shelf_item>> find_in(exchange& ex, std::vector<revision> all, sha256_digest hash) {
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { // As the catalog orders them.
    return std::tie(a.created_at, a.id, a.rev) > std::tie(b.created_at, b.id, b.rev);
  });
  for (auto& what : all) {
    auto files = co_await load_manifest(ex, what.manifest);
    if (!files)
      continue; // Has been logged; another revision may have it.
    auto* file = find_hash(**files, hash);
    if (file)
      co_return item_of(what, *files, *file);
  }
  co_return fail(ec::not_found);
}

/// This node knows whose the files are that it keeps. One that is in many revisions costs as much
/// as a search. @errors ec::not_found, ec::rate_limited.
task<result<shelf_item>> find_kept(exchange& ex, sha256_digest hash, bool with_private) {
  auto* index = &ex.node().objects().index();
  auto look = [index, hash] { return index->owners_of(hash, owners_max); };
  auto owners = co_await ex.on_disk(look);
  if (!owners)
    co_return tl::unexpected{owners.error()};
  if (owners->size() > 2 && !within_rate(ex))
    co_return fail(ec::rate_limited);
  std::vector<revision> visible;
  for (auto& owner : *owners) {
    auto key = revision_of_owner(owner);
    auto at = key ? key->rfind('@') : std::string::npos;
    if (at == std::string::npos)
      continue;
    auto found = co_await find_revision(ex, key->substr(0, at), key->substr(at + 1), with_private);
    if (found) // Else it has gone, or is not to be seen.
      visible.push_back(std::move(*found));
  }
  co_return co_await find_in(ex, std::move(visible), hash);
}

/// Looks through the latest revisions, as nobody remembers where that hash is.
task<result<shelf_item>> seek_hash(exchange& ex, sha256_digest hash, bool with_private) {
  recent_revisions ask{std::string{kind}, limits::shelf_revisions_max, with_private};
  auto recent = co_await ex.ask<model_page>(ex.node().catalog(), std::move(ask), true);
  if (!recent)
    co_return tl::unexpected{recent.error()};
  co_return co_await find_in(ex, std::move(recent->models), hash);
}

task<result<shelf_item>> find_by_hash(exchange& ex, sha256_digest hash, bool with_private) {
  auto& hints = *ex.srv().shelf;
  if (auto hint = hints.find(hash)) {
    name_reading place{hint->id, hint->rev, hint->path};
    auto found = co_await find_reading(ex, std::move(place), with_private);
    if (found && has_hash(*found, hash))
      co_return found;
  }
  auto found = co_await find_kept(ex, hash, with_private);
  if (!found && found.error().code != ec::rate_limited) {
    if (!within_rate(ex))
      co_return fail(ec::rate_limited);
    found = co_await seek_hash(ex, hash, with_private);
  }
  if (found)
    hints.put(hash, std::make_shared<const shelf_place>(
                        shelf_place{found->what.id, found->what.rev, found->file->path}));
  co_return found;
}

std::optional<sha256_digest> hash_of(std::string_view identifier) {
  if (text::starts_with_nocase(identifier, "0x"))
    identifier.remove_prefix(2);
  return sha256_digest::from_hex(identifier);
}

} // namespace

task<result<shelf_revision>> find_model(exchange& ex, std::string id, bool with_private) {
  return find_named(ex, std::move(id), "main", with_private);
}

std::string shelf_name(const shelf_item& item) {
  auto name = item.what.id + '/' + item.file->path;
  if (name.ends_with(usual_suffix))
    name.resize(name.size() - usual_suffix.size());
  return name;
}

task<result<shelf_page>> list_shelf(exchange& ex, shelf_ask ask) {
  browse_models page;
  page.kind = kind;
  page.order = model_order::by_id;
  page.with_private = ask.with_private;
  page.after_id = std::move(ask.after);
  page.limit = limits::hub_models_page_max;
  shelf_page made;
  for (bool more = true; more;) {
    browse_models some = page;
    auto found = co_await ex.ask<model_page>(ex.node().catalog(), std::move(some), true);
    if (!found)
      co_return tl::unexpected{found.error()};
    more = found->has_more;
    for (auto& what : found->models) {
      if (made.items.size() >= ask.models_max) {
        made.next = page.after_id;
        co_return made;
      }
      page.after_id = what.id;
      auto files = co_await load_manifest(ex, what.manifest);
      if (!files)
        continue; // Has been logged; the others are still worth showing.
      for (auto& file : (*files)->files) {
        if (!is_model_file(file.path))
          continue;
        auto item = item_of(what, *files, file);
        if (item.card.subtype == ask.subtype)
          made.items.push_back(std::move(item));
      }
    }
  }
  co_return made;
}

task<result<shelf_item>> find_on_shelf(exchange& ex, std::string identifier, bool with_private) {
  for (auto& reading : readings_of(identifier)) {
    auto found = co_await find_reading(ex, reading, with_private);
    if (found || found.error().code != ec::not_found)
      co_return found;
  }
  error why{ec::not_found, {}};
  if (auto hash = hash_of(identifier)) {
    auto found = co_await find_by_hash(ex, *hash, with_private);
    if (found)
      co_return found;
    why = std::move(found.error());
  }
  co_return tl::unexpected{unless_behind(ex, std::move(why))};
}

} // namespace shoal::http
