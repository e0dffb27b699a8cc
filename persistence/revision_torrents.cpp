// SPDX-License-Identifier: Apache-2.0
#include "persistence/revision_torrents.hpp"

#include "protocol/manifest_torrent.hpp"

#include <algorithm>
#include <set>
#include <sys/stat.h>

namespace shoal {

namespace {

result<folder_listing> listing_of(object_store& objects, const manifest& m,
                                  const torrent_plan& plan) {
  folder_listing listing;
  const std::set<sha256_digest> wanted{plan.to_read.begin(), plan.to_read.end()};
  for (auto& file : m.files) {
    if (!wanted.contains(file.sha256)) {
      listing.files.push_back({file.path, {}, file.size_bytes, 0});
      continue;
    }
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

result<torrent_content> hash(object_store& objects, const manifest& m, const torrent_plan& plan,
                             const hash_options& options) {
  auto listing = listing_of(objects, m, plan);
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

torrent_plan plan_torrents(const manifest& m, const known_hashes* known) {
  torrent_plan plan;
  plan.piece_length_bytes = piece_length_for(m.files, known);
  if (known && known->piece_length_bytes != plan.piece_length_bytes)
    known = nullptr;
  plan.reuse.known = known;
  plan.reuse.plan = plan_stream(m.files, known);
  for (auto& file : m.files)
    plan.reuse.names.push_back(file.sha256);
  auto needs = needs_of(m.files, plan.reuse);
  for (auto i : needs.files)
    plan.to_read.push_back(m.files[i].sha256);
  // The same bytes under another name may be needed whole.
  if (needs.end && std::count(plan.to_read.begin(), plan.to_read.end(), needs.end->file) == 1)
    plan.end = needs.end;
  return plan;
}

torrent_plan plan_torrents_by_name(const manifest& m) {
  auto plan = plan_torrents(m, nullptr);
  auto& order = plan.reuse.plan.order;
  std::sort(order.begin(), order.end());
  return plan;
}

void torrent_plan::use_end(std::string bytes) {
  std::erase(to_read, end->file);
  reuse.end = end;
  reuse.end_bytes = std::move(bytes);
}

result<void> add_torrents(object_store& objects, manifest& m, const torrent_plan& plan,
                          const std::atomic<bool>* cancelled, unsigned workers) {
  hash_options options;
  options.piece_length_bytes = plan.piece_length_bytes;
  options.workers = workers;
  options.cancelled = cancelled;
  options.reuse = &plan.reuse;
  auto content = hash(objects, m, plan, options);
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
