// SPDX-License-Identifier: Apache-2.0
#include "actors/mirror_survey.hpp"

#include "actors/origin_names.hpp"
#include "origin/origin_url.hpp"
#include "persistence/revision_torrents.hpp"
#include "protocol/percent.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Who publishes a mirror, and as what.
void describe(publication& what, const std::string& base) {
  auto& m = what.content;
  if (auto where = origin::origin_url::parse(base))
    what.publisher = where->host;
  auto folder = m.kind == "model" ? std::string{} : m.kind + "s/";
  what.description
      = "Mirror of " + base + '/' + folder + percent_encode_path(m.id.str()) + "/tree/" + m.rev;
  auto card = profile_of(m, m.card);
  card.tags.insert(card.tags.begin(), "mirror");
  describe_by_card(what, card);
}

/// What stays of a mirror whatever becomes of its files.
std::vector<sha256_digest> kept_of(const manifest& m, const sha256_digest& name) {
  std::vector<sha256_digest> all{name};
  for (auto& torrent : m.torrents)
    all.push_back(torrent.object);
  for (auto& file : m.files)
    if (file.size_bytes == 0)
      all.push_back(file.sha256);
  return all;
}

} // namespace

std::optional<sha256_digest> object_of(const origin_book& book, const origin_name& commit,
                                       const hub_file& file) {
  if (file.size_bytes == 0)
    return sha256("");
  if (file.sha256)
    return file.sha256;
  auto name = commit;
  name.path = file.path;
  auto record = book.find(text_of(name));
  if (!record || !record->sha256)
    record = book.find(news_text_of(name));
  return record ? record->sha256 : std::nullopt;
}

result<void> note_told(origin_book& book, const origin_name& name, const origin_record& what) {
  auto text = news_text_of(name);
  auto known = book.find(text);
  if (known && known->sha256 == what.sha256)
    return {};
  return book.put(text, what);
}

result<surveyed_mirror> survey_mirror(webseed_side& side, const origin_name& commit,
                                      const origin_listing& listing) {
  surveyed_mirror found;
  auto made = std::make_shared<manifest>();
  auto id = model_id::parse(commit.id);
  if (!id)
    return fail(ec::invalid_argument, "the name " + commit.id);
  made->id = std::move(*id);
  made->rev = commit.rev;
  made->kind = commit.kind;
  if (listing.card)
    made->card = *listing.card;
  for (auto& file : *listing.files) {
    auto object = object_of(side.book(), commit, file);
    if (!object)
      return found;
    if (file.size_bytes > 0 && side.store().size(*object) != file.size_bytes)
      found.absent.push_back(*object);
    made->files.push_back({file.path, file.size_bytes, *object, std::nullopt, file.git_blob});
  }
  std::sort(found.absent.begin(), found.absent.end());
  found.absent.erase(std::unique(found.absent.begin(), found.absent.end()), found.absent.end());
  normalize(*made);
  return validate(*made).map([&] {
    found.files = std::move(made);
    return std::move(found);
  });
}

result<std::shared_ptr<held_mirror>> build_mirror(webseed_side& side, object_claims& claims,
                                                  manifest files, const hash_options& options) {
  auto& store = side.store();
  std::vector<sha256_digest> objects;
  for (auto& file : files.files) {
    if (file.size_bytes == 0)
      if (auto empty = store.files().put(""); !empty)
        return tl::unexpected{empty.error()};
    objects.push_back(file.sha256);
  }
  auto meanwhile = claims.take(std::move(objects));
  if (!meanwhile && meanwhile.error().code == ec::not_found)
    return nullptr;
  if (!meanwhile)
    return tl::unexpected{meanwhile.error()};
  auto plan = plan_torrents_by_name(files);
  if (auto added = add_torrents(store, files, plan, options.cancelled, options.workers); !added)
    return tl::unexpected{added.error()};
  auto name = store.files().put(encode_manifest(files));
  if (!name)
    return tl::unexpected{name.error()};
  auto held = claims.take(kept_of(files, *name));
  if (!held)
    return tl::unexpected{held.error()};
  publication what;
  what.content = std::move(files);
  describe(what, side.config().base_urls.front());
  return std::make_shared<held_mirror>(held_mirror{std::move(what), *name, std::move(*held)});
}

} // namespace shoal
