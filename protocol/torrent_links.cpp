// SPDX-License-Identifier: Apache-2.0
#include "protocol/torrent_links.hpp"

#include "protocol/bencode.hpp"

namespace shoal {

namespace {

void put_string(torrent_root& root, std::string_view key, std::string_view value) {
  std::string bencoded;
  bencode_writer(bencoded).string(value);
  root.insert_or_assign(std::string(key), std::move(bencoded));
}

void put_trackers(torrent_root& root, const torrent_links& links) {
  size_t count = 0;
  std::string list;
  bencode_writer out(list);
  out.begin_list();
  for (auto& tier : links.trackers) {
    if (tier.empty())
      continue;
    if (count == 0)
      put_string(root, "announce", tier.front());
    out.begin_list();
    for (auto& url : tier)
      out.string(url);
    out.end();
    count += tier.size();
  }
  out.end();
  // One tracker needs no list, and some old clients are better off without one.
  if (count > 1)
    root.insert_or_assign("announce-list", std::move(list));
}

void put_web_seeds(torrent_root& root, const torrent_links& links, std::string_view inner_folder) {
  auto full = [&](const std::string& url) {
    return inner_folder.empty() ? url : url + std::string(inner_folder) + "/";
  };
  if (links.web_seeds.size() == 1) {
    put_string(root, "url-list", full(links.web_seeds.front()));
  } else if (!links.web_seeds.empty()) {
    std::string list;
    bencode_writer out(list);
    out.begin_list();
    for (auto& url : links.web_seeds)
      out.string(full(url));
    out.end();
    root.insert_or_assign("url-list", std::move(list));
  }
}

} // namespace

void put_links(torrent_root& root, const torrent_links& links, std::string_view inner_folder) {
  for (auto key : {"announce", "announce-list", "url-list"})
    root.erase(key);
  put_trackers(root, links);
  put_web_seeds(root, links, inner_folder);
  if (links.comment)
    put_string(root, "comment", *links.comment);
}

std::string write_root(const torrent_root& root) {
  std::string out;
  bencode_writer writer(out);
  writer.begin_dict();
  for (auto& [key, value] : root)
    writer.string(key).raw(value);
  writer.end();
  return out;
}

} // namespace shoal
