// SPDX-License-Identifier: Apache-2.0
#include "persistence/revision_torrents.hpp"

#include "protocol/manifest_torrent.hpp"

#include <sys/stat.h>

namespace shoal {

namespace {

result<folder_listing> listing_of(object_store& objects, const manifest& m) {
  folder_listing listing;
  for (auto& file : m.files) {
    auto path = objects.files().path_of(file.sha256).string();
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
      return fail(ec::unavailable, "the bytes of " + file.path + " are at another node");
    listing.files.push_back({file.path, std::move(path), file.size_bytes,
                             int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec});
  }
  listing.total_size_bytes = m.total_size_bytes();
  return listing;
}

result<torrent_content> hash(object_store& objects, const manifest& m,
                             const hash_options& options) {
  auto listing = listing_of(objects, m);
  if (!listing)
    return tl::unexpected{listing.error()};
  auto content = hash_folder(*listing, options);
  if (!content)
    return content;
  for (size_t i = 0; i < m.files.size(); ++i)
    if (content->files[i].sha256 != m.files[i].sha256)
      return fail(ec::corrupt, "the object of " + m.files[i].path);
  return content;
}

} // namespace

result<void> add_torrents(object_store& objects, manifest& m, const hash_options& options) {
  auto content = hash(objects, m, options);
  if (!content)
    return tl::unexpected{content.error()};
  torrent_options form;
  form.name = m.rev;
  form.is_private = m.is_private;
  form.created_by = "shoal/" SHOAL_VERSION;
  // Clients that read no hybrids get a sibling.
  for (auto format : {torrent_format::hybrid, torrent_format::v1}) {
    auto bytes = build_torrent(*content, format, form);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    auto info = parse_metainfo(*bytes);
    if (!info)
      return tl::unexpected{info.error()};
    auto object = objects.files().put(*bytes);
    if (!object)
      return tl::unexpected{object.error()};
    manifest_torrent torrent{std::string{name(format)}, std::nullopt, std::nullopt, *object};
    if (auto adopted = adopt_torrent(m, torrent, *info); !adopted)
      return adopted;
    m.torrents.push_back(std::move(torrent));
  }
  normalize(m);
  return validate(m);
}

} // namespace shoal
