// SPDX-License-Identifier: Apache-2.0
#include "protocol/manifest_torrent.hpp"

#include "protocol/torrent_builder.hpp"

#include <algorithm>

namespace shoal {

result<void> adopt_torrent(manifest& m, manifest_torrent& torrent, const metainfo& info) {
  auto wrong = [&](const std::string& what) {
    return fail(ec::invalid_argument, "torrent " + torrent.format + ": " + what);
  };
  if (info.name != m.rev)
    return wrong("its name is not " + m.rev + ", so web seeds would not find its files");
  if (info.is_private != m.is_private)
    return wrong(m.is_private ? "it is not private" : "it is private");
  auto format = info.v1 && info.v2 ? torrent_format::hybrid
                : info.v2          ? torrent_format::v2
                                   : torrent_format::v1;
  if (name(format) != torrent.format)
    return wrong("it is " + std::string{name(format)});
  std::vector<bool> seen(m.files.size());
  for (auto& file : info.files) {
    if (file.pad)
      continue;
    auto i = std::lower_bound(m.files.begin(), m.files.end(), file.path,
                              [](auto& a, auto& b) { return path_less(a.path, b); });
    if (i == m.files.end() || i->path != file.path || i->size_bytes != file.size_bytes)
      return wrong("the revision has no file " + file.path + " of its size");
    seen[static_cast<size_t>(i - m.files.begin())] = true;
    if (file.pieces_root)
      i->pieces_root = file.pieces_root;
  }
  if (std::find(seen.begin(), seen.end(), false) != seen.end())
    return wrong("it lacks files of the revision");
  torrent.v1 = info.v1;
  torrent.v2 = info.v2;
  return {};
}

} // namespace shoal
