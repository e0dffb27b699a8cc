// SPDX-License-Identifier: Apache-2.0
#include "protocol/metainfo.hpp"

#include "core/limits.hpp"
#include "protocol/merkle.hpp"
#include "protocol/model_id.hpp"

#include <libtorrent/bdecode.hpp>
#include <libtorrent/torrent_info.hpp>

#include <algorithm>
#include <bit>
#include <exception>

namespace shoal {

namespace {

std::string_view view(lt::string_view text) {
  return {text.data(), text.size()};
}

std::string_view raw(const lt::bdecode_node& node) {
  const auto section = node.data_section();
  return {section.data(), static_cast<size_t>(section.size())};
}

template <class Id, class Hash>
Id to_id(const Hash& hash) {
  Id id;
  static_assert(Id::size_bytes == Hash::size());
  std::copy_n(reinterpret_cast<const uint8_t*>(hash.data()), Id::size_bytes, id.bytes.begin());
  return id;
}

result<lt::bdecode_node> decode(std::string_view bytes) {
  if (bytes.size() > limits::metainfo_bytes_max)
    return fail(ec::too_large, "the .torrent file");
  lt::error_code err;
  auto root = lt::bdecode({bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())}, err, nullptr,
                          limits::metainfo_depth_max, limits::metainfo_tokens_max);
  if (err)
    return fail(ec::invalid_argument, "not a .torrent file: " + err.message());
  if (root.type() != lt::bdecode_node::dict_t)
    return fail(ec::invalid_argument, "not a .torrent file: no dictionary");
  return root;
}

void add_url(std::vector<std::string>& urls, const lt::bdecode_node& node) {
  if (node.type() != lt::bdecode_node::string_t || node.string_length() == 0)
    return;
  std::string url(view(node.string_value()));
  if (is_utf8(url) && std::find(urls.begin(), urls.end(), url) == urls.end())
    urls.push_back(std::move(url));
}

/// Adds a string, or each string of a list.
void add_urls(std::vector<std::string>& urls, const lt::bdecode_node& node) {
  add_url(urls, node);
  if (node.type() != lt::bdecode_node::list_t)
    return;
  for (int i = 0; i < node.list_size() && urls.size() < limits::metainfo_urls_max; ++i)
    add_url(urls, node.list_at(i));
}

std::vector<std::string> read_trackers(const lt::bdecode_node& root) {
  std::vector<std::string> urls;
  if (auto tiers = root.dict_find_list("announce-list"))
    for (int i = 0; i < tiers.list_size() && urls.size() < limits::metainfo_urls_max; ++i)
      add_urls(urls, tiers.list_at(i));
  // BEP 12: "announce" does not count if there is a list.
  if (urls.empty())
    add_url(urls, root.dict_find("announce"));
  return urls;
}

std::string read_text(const lt::bdecode_node& root, const char* key) {
  std::string text(view(root.dict_find_string_value(key)));
  return is_utf8(text) ? text : std::string{};
}

/// The name as the torrent spells it: libtorrent changes that of v2 torrents with one file.
result<std::string> read_name(const lt::bdecode_node& info) {
  std::string text(view(info.dict_find_string_value("name.utf-8")));
  if (text.empty())
    text = view(info.dict_find_string_value("name"));
  if (text.size() > limits::name_bytes_max || !is_safe_path(text)
      || text.find('/') != std::string::npos)
    return fail(ec::invalid_argument, "not a .torrent file: bad name");
  return text;
}

/// libtorrent has replaced what is unsafe in paths; they start with the folder, if there is one.
void read_files(const lt::torrent_info& info, metainfo& out) {
  auto& files = info.files();
  const std::string folder = files.name() + "/";
  const bool is_folder
      = files.num_files() > 1 || files.file_path(lt::file_index_t{0}) != files.name();
  for (auto i : files.file_range()) {
    torrent_file file;
    file.path = files.file_path(i);
    if (is_folder && file.path.starts_with(folder))
      file.path.erase(0, folder.size());
    file.size_bytes = static_cast<uint64_t>(files.file_size(i));
    file.pad = files.pad_file_at(i);
    if (auto root = files.root(i); !root.is_all_zeros())
      file.pieces_root = to_id<sha256_digest>(root);
    if (!file.pad)
      out.total_size_bytes += file.size_bytes;
    out.files.push_back(std::move(file));
  }
}

/// libtorrent compares piece layers with their roots only when it downloads.
bool has_true_layers(const lt::torrent_info& info) {
  const auto piece = static_cast<uint32_t>(info.piece_length());
  if (!info.info_hashes().has_v2())
    return true;
  if (!std::has_single_bit(piece) || piece < limits::piece_length_bytes_min)
    return false;
  for (auto i : info.files().file_range()) {
    const auto layer = info.piece_layer(i);
    std::vector<sha256_digest> hashes;
    for (auto at = layer.begin(); at != layer.end(); at += sha256_digest::size_bytes)
      hashes.push_back(
          *sha256_digest::from_bytes(std::string_view(&*at, sha256_digest::size_bytes)));
    if (hashes.size() > 1
        && merkle::layer_root(std::move(hashes), piece)
               != to_id<sha256_digest>(info.files().root(i)))
      return false;
  }
  return true;
}

result<metainfo> read_torrent(const lt::bdecode_node& root) {
  lt::error_code err;
  const lt::torrent_info info(root, err);
  if (err)
    return fail(ec::invalid_argument, "not a .torrent file: " + err.message());
  if (!info.is_valid() || info.num_files() == 0) // libtorrent 2.0.8 may fail without an error.
    return fail(ec::invalid_argument, "not a .torrent file: bad files");
  if (!has_true_layers(info))
    return fail(ec::invalid_argument, "not a .torrent file: bad piece layers");
  auto name = read_name(root.dict_find_dict("info"));
  if (!name)
    return tl::make_unexpected(name.error());
  metainfo out;
  out.name = std::move(*name);
  out.piece_length_bytes = static_cast<uint32_t>(info.piece_length());
  out.piece_count = static_cast<uint64_t>(info.num_pieces());
  out.is_private = info.priv();
  if (info.info_hashes().has_v1())
    out.v1 = to_id<info_hash>(info.info_hashes().v1);
  if (info.info_hashes().has_v2())
    out.v2 = to_id<sha256_digest>(info.info_hashes().v2);
  read_files(info, out);
  out.trackers = read_trackers(root);
  add_urls(out.web_seeds, root.dict_find("url-list"));
  out.comment = read_text(root, "comment");
  out.created_by = read_text(root, "created by");
  return out;
}

/// The path of a v1 file entry, with '/' between segments.
std::string joined_path(const lt::bdecode_node& file) {
  std::string path;
  if (file.type() != lt::bdecode_node::dict_t) // libtorrent checks that in debug builds only.
    return path;
  const auto segments = file.dict_find_list("path");
  for (int i = 0; segments && i < segments.list_size(); ++i)
    path.append(i > 0 ? "/" : "").append(view(segments.list_string_value_at(i)));
  return path;
}

/// The path of the file if a v2 tree has no other.
std::string only_path(lt::bdecode_node tree) {
  std::string path;
  while (tree.type() == lt::bdecode_node::dict_t && tree.dict_size() == 1) {
    const auto [segment, node] = tree.dict_at(0);
    if (segment.empty())
      return path;
    path.append(path.empty() ? "" : "/").append(view(segment));
    tree = node;
  }
  return {};
}

torrent_shape shape_of(const lt::bdecode_node& info) {
  torrent_shape shape;
  shape.name = view(info.dict_find_string_value("name"));
  const auto files = info.dict_find_list("files");
  shape.has_v1 = files || info.dict_find("length");
  if (!shape.has_v1)
    shape.only_file = only_path(info.dict_find_dict("file tree"));
  else if (!files)
    shape.only_file = shape.name;
  else if (files.list_size() == 1)
    shape.only_file = joined_path(files.list_at(0));
  shape.is_bare = shape.has_v1 ? !files : shape.only_file == shape.name;
  return shape;
}

result<std::string> compose(const lt::bdecode_node& root, const torrent_links& links) {
  const auto info = root.dict_find_dict("info");
  if (!info)
    return fail(ec::invalid_argument, "not a .torrent file: no info dictionary");
  torrent_root out;
  for (int i = 0; i < root.dict_size(); ++i) {
    const auto [key, value] = root.dict_at(i);
    if (key != "nodes" && key != "httpseeds")
      out.emplace(view(key), raw(value));
  }
  put_links(out, links, shape_of(info));
  return write_root(out);
}

} // namespace

// libtorrent reports through error codes, but its containers may still throw.

result<metainfo> parse_metainfo(std::string_view bytes) try {
  return decode(bytes).and_then(read_torrent);
} catch (const std::exception& err) {
  return fail(ec::invalid_argument, std::string("not a .torrent file: ") + err.what());
}

result<std::string> compose_torrent(std::string_view original, const torrent_links& links) try {
  auto root = decode(original);
  if (!root)
    return tl::make_unexpected(root.error());
  return compose(*root, links);
} catch (const std::exception& err) {
  return fail(ec::invalid_argument, std::string("not a .torrent file: ") + err.what());
}

} // namespace shoal
