// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/uploader.hpp"

#include "cmd/cli/object_sender.hpp"
#include "cmd/cli/progress.hpp"

#include <algorithm>

namespace shoal::cli {

namespace {

/// Keeps what the server lacks.
outcome<void> drop_known(http_client& client, std::vector<local_object>& objects) {
  std::vector<local_object> missing;
  for (auto& object : objects) {
    auto there = ask_for(client, object);
    if (!there)
      return tl::unexpected<failure>(there.error());
    object.sent_bytes = there->sent_bytes;
    if (!there->is_there)
      missing.push_back(std::move(object));
  }
  objects = std::move(missing);
  return {};
}

uint64_t sum_of(const std::vector<local_object>& objects) {
  uint64_t total = 0;
  for (auto& object : objects)
    total += object.size_bytes;
  return total;
}

using work = outcome<void> (*)(http_client&, const local_object&, const progress_told&);

/// Does something with each of them, with a progress bar over all.
outcome<void> for_all(const context& ctx, http_client& client, const char* label,
                      const std::vector<local_object>& objects, work what) {
  progress_bar bar(label, sum_of(objects), ctx.wants_progress() && !objects.empty());
  uint64_t before = 0;
  for (auto& object : objects) {
    auto done = what(client, object, [&](uint64_t bytes) { bar.update(before + bytes); });
    if (!done)
      return done;
    before += object.size_bytes;
    bar.update(before);
  }
  return {};
}

} // namespace

outcome<upload_summary> upload(const context& ctx, http_client& client,
                               std::vector<local_object> objects, bool in_place) {
  auto by_hash = [](auto& left, auto& right) { return left.sha256 < right.sha256; };
  auto same_hash = [](auto& left, auto& right) { return left.sha256 == right.sha256; };
  std::stable_sort(objects.begin(), objects.end(), by_hash);
  objects.erase(std::unique(objects.begin(), objects.end(), same_hash), objects.end());
  std::vector<local_object> stay;
  if (in_place) {
    auto is_sent = [](auto& object) { return object.file.empty(); };
    auto first = std::stable_partition(objects.begin(), objects.end(), is_sent);
    stay.assign(std::make_move_iterator(first), std::make_move_iterator(objects.end()));
    objects.erase(first, objects.end());
  }
  if (auto offered = for_all(ctx, client, "Offering", stay, offer_in_place); !offered)
    return tl::unexpected<failure>(offered.error());
  if (auto ok = drop_known(client, objects); !ok)
    return tl::unexpected<failure>(ok.error());
  if (auto sent = for_all(ctx, client, "Uploading", objects, send_object); !sent)
    return tl::unexpected<failure>(sent.error());
  return upload_summary{objects.size(), sum_of(objects), stay.size(), sum_of(stay)};
}

} // namespace shoal::cli
