// SPDX-License-Identifier: Apache-2.0
#include "protocol/torrent_links.hpp"

#include "protocol/bencode.hpp"
#include "protocol/percent.hpp"

#include <algorithm>

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

/// Adds the URLs that make every client find the files of one folder.
void add_web_seed(std::vector<std::string>& out, const std::string& folder,
                  const torrent_shape& shape) {
  const auto name = percent_encode(shape.name);
  if (shape.only_file.empty() || !folder.ends_with('/')) {
    out.push_back(folder);
  } else if (!shape.has_v1) {
    const bool is_nested = shape.only_file.find('/') != std::string::npos;
    out.push_back(shape.is_bare || is_nested ? folder : folder + name + "/");
  } else if (shape.is_bare) {
    out.push_back(folder + name);
  } else {
    out.push_back(folder + name + "/" + percent_encode_path(shape.only_file));
    out.push_back(folder);
  }
}

void put_web_seeds(torrent_root& root, const std::vector<std::string>& urls) {
  if (urls.size() == 1) {
    put_string(root, "url-list", urls.front());
  } else if (!urls.empty()) {
    std::string list;
    bencode_writer out(list);
    out.begin_list();
    for (auto& url : urls)
      out.string(url);
    out.end();
    root.insert_or_assign("url-list", std::move(list));
  }
}

} // namespace

std::vector<std::string> web_seed_urls(const std::vector<std::string>& folders,
                                       const torrent_shape& shape) {
  std::vector<std::string> all;
  for (auto& folder : folders)
    add_web_seed(all, folder, shape);
  std::vector<std::string> urls;
  for (auto& url : all)
    if (std::find(urls.begin(), urls.end(), url) == urls.end())
      urls.push_back(std::move(url));
  return urls;
}

void put_links(torrent_root& root, const torrent_links& links, const torrent_shape& shape) {
  for (auto key : {"announce", "announce-list", "url-list"})
    root.erase(key);
  put_trackers(root, links);
  put_web_seeds(root, web_seed_urls(links.web_seeds, shape));
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
