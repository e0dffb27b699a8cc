// SPDX-License-Identifier: Apache-2.0
#include "actors/publication.hpp"

#include "core/limits.hpp"

namespace shoal {

namespace {

std::string tags_of(const repository_profile& card) {
  std::string all;
  for (auto& tag : card.tags) {
    if (tag.find(',') != std::string::npos
        || all.size() + 1 + tag.size() > limits::text_field_bytes_max)
      continue;
    if (!all.empty())
      all += ',';
    all += tag;
  }
  return all;
}

} // namespace

void describe_by_card(publication& what, const repository_profile& card,
                      const repository_profile* before) {
  if (what.license.empty() || (before && what.license == before->license))
    what.license = card.license;
  if (what.tags.empty() || (before && what.tags == tags_of(*before)))
    what.tags = tags_of(card);
}

torrent_hashes entry_hashes(const manifest& m) {
  torrent_hashes hashes;
  auto* v1 = m.find_torrent("v1");
  for (auto format : {"hybrid", "v2"})
    if (auto* main = m.find_torrent(format)) {
      hashes.v2 = main->v2;
      hashes.v1 = main->v1;
      if (v1)
        hashes.twin = v1->v1;
      return hashes;
    }
  if (v1)
    hashes.v1 = v1->v1;
  return hashes;
}

publish_revision to_message(const publication& what, const sha256_digest& manifest) {
  auto& m = what.content;
  publish_revision message;
  auto& entry = message.entry;
  entry.hashes = entry_hashes(m);
  entry.name = ref_key(m.id, m.rev);
  entry.description = what.description;
  entry.publisher = what.publisher;
  entry.license = what.license;
  entry.category = what.category;
  entry.tags = what.tags;
  entry.size_bytes = m.total_size_bytes();
  entry.model_ref = entry.name;
  entry.is_private = m.is_private;
  for (auto& torrent : m.torrents)
    (entry.hashes.twin && torrent.format == "v1" ? entry.twin_torrent_object : entry.torrent_object)
        = torrent.object;
  message.what = {m.id.str(),       m.rev, m.kind,      manifest, entry.hashes.primary_key(),
                  entry.size_bytes, 0,     m.is_private};
  return message;
}

} // namespace shoal
