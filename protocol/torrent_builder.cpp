// SPDX-License-Identifier: Apache-2.0
#include "protocol/torrent_builder.hpp"

#include "core/limits.hpp"
#include "protocol/bencode.hpp"
#include "protocol/model_id.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

namespace shoal {

namespace {

constexpr uint64_t piece_count_aim = 2000; // Halving the piece length would exceed it.

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    segments.push_back(path.substr(0, slash));
    path.remove_prefix(slash + 1);
  }
  segments.push_back(path);
  return segments;
}

bool is_folder_of(std::string_view folder, std::string_view path) {
  return path.size() > folder.size() && path[folder.size()] == '/' && path.starts_with(folder);
}

/// A complete hash list, as `hash_folder` makes it?
bool has_all_hashes(const hashed_file& file, uint32_t piece_length_bytes) {
  const uint64_t pieces = (file.size_bytes + piece_length_bytes - 1) / piece_length_bytes;
  return file.v1_pieces.size() == pieces && file.pieces_root.has_value() == (file.size_bytes > 0)
         && file.piece_layer.size() == (pieces > 1 ? pieces : 0);
}

/// Each index once, or none at all?
bool is_order(std::vector<size_t> indexes, size_t count) {
  std::sort(indexes.begin(), indexes.end());
  for (size_t i = 0; i < indexes.size(); ++i)
    if (indexes[i] != i)
      return false;
  return indexes.empty() || indexes.size() == count;
}

result<void> check(const torrent_content& content, torrent_format format,
                   const torrent_options& options) {
  const uint32_t piece = content.piece_length_bytes;
  const uint64_t total = content.total_size_bytes();
  if (!std::has_single_bit(piece) || piece < limits::piece_length_bytes_min)
    return fail(ec::invalid_argument, "the piece length must be a power of two, 16 KiB or more");
  if (options.name.find('/') != std::string::npos || !is_safe_path(options.name))
    return fail(ec::invalid_argument, "bad torrent name");
  if (total == 0)
    return fail(ec::invalid_argument, "a torrent needs at least one byte of content");
  if (format == torrent_format::v1
      && content.v1_stream_pieces.size() != (total + piece - 1) / piece)
    return fail(ec::invalid_argument, "piece hashes are missing");
  if (!is_order(content.v1_order, content.files.size()))
    return fail(ec::invalid_argument, "not an order of the files");
  for (size_t i = 0; i < content.files.size(); ++i) {
    auto& path = content.files[i].path;
    if (!is_safe_path(path))
      return fail(ec::invalid_argument, "bad path: " + path);
    if (!has_all_hashes(content.files[i], piece))
      return fail(ec::invalid_argument, "hashes are missing: " + path);
    if (i > 0 && !path_less(content.files[i - 1].path, path))
      return fail(ec::invalid_argument, "files are doubled or out of order: " + path);
    if (i > 0 && is_folder_of(content.files[i - 1].path, path))
      return fail(ec::invalid_argument, "a file is a folder, too: " + content.files[i - 1].path);
  }
  return {};
}

/// "file tree": nested dictionaries, a file being {"": {length, pieces root}}.
void write_file_tree(bencode_writer& out, const std::vector<hashed_file>& files) {
  std::vector<std::string_view> open;
  out.begin_dict();
  for (auto& file : files) {
    auto segments = split(file.path);
    size_t common = 0;
    while (common < open.size() && common + 1 < segments.size() && open[common] == segments[common])
      ++common;
    for (; open.size() > common; open.pop_back())
      out.end();
    for (; open.size() + 1 < segments.size(); out.begin_dict()) {
      out.string(segments[open.size()]);
      open.push_back(segments[open.size()]);
    }
    out.string(segments.back()).begin_dict().string("").begin_dict();
    out.string("length").integer(static_cast<int64_t>(file.size_bytes));
    if (file.pieces_root)
      out.string("pieces root").string(file.pieces_root->chars());
    out.end().end();
  }
  for (size_t i = 0; i < open.size(); ++i)
    out.end();
  out.end();
}

void write_pad(bencode_writer& out, uint64_t size_bytes) {
  out.begin_dict().string("attr").string("p");
  out.string("length").integer(static_cast<int64_t>(size_bytes));
  out.string("path").begin_list().string(".pad").string(std::to_string(size_bytes)).end();
  out.end();
}

/// "files" of the v1 part.
void write_file_list(bencode_writer& out, const torrent_content& content, bool padded) {
  out.begin_list();
  for (size_t i = 0; i < content.files.size(); ++i) {
    auto& file = content.files[padded || content.v1_order.empty() ? i : content.v1_order[i]];
    out.begin_dict().string("length").integer(static_cast<int64_t>(file.size_bytes));
    out.string("path").begin_list();
    for (auto segment : split(file.path))
      out.string(segment);
    out.end().end();
    const uint64_t tail = file.size_bytes % content.piece_length_bytes;
    if (padded && tail != 0)
      write_pad(out, content.piece_length_bytes - tail);
  }
  out.end();
}

/// "pieces" of the v1 part.
std::string v1_pieces(const torrent_content& content, torrent_format format) {
  std::string pieces;
  auto append = [&](const std::vector<sha1_digest>& hashes) {
    for (auto& hash : hashes)
      pieces += hash.chars();
  };
  if (format == torrent_format::v1)
    append(content.v1_stream_pieces);
  else
    for (auto& file : content.files)
      append(file.v1_pieces);
  return pieces;
}

std::string info_dictionary(const torrent_content& content, torrent_format format,
                            const torrent_options& options) {
  // libtorrent pads no torrent of one file, so neither do we: clients compare the two halves.
  const bool padded = format == torrent_format::hybrid && content.files.size() > 1;
  std::string info;
  bencode_writer out(info);
  out.begin_dict();
  if (format != torrent_format::v1) {
    out.string("file tree");
    write_file_tree(out, content.files);
  }
  if (format != torrent_format::v2) {
    out.string("files");
    write_file_list(out, content, padded);
  }
  if (format != torrent_format::v1)
    out.string("meta version").integer(2);
  out.string("name").string(options.name);
  out.string("piece length").integer(content.piece_length_bytes);
  if (format != torrent_format::v2)
    out.string("pieces").string(v1_pieces(content, format));
  if (options.is_private)
    out.string("private").integer(1);
  out.end();
  return info;
}

/// "piece layers": pieces root -> hashes, once for files of equal content.
std::string piece_layers(const torrent_content& content) {
  std::map<std::string_view, const hashed_file*> layers;
  for (auto& file : content.files)
    if (!file.piece_layer.empty())
      layers.emplace(file.pieces_root->chars(), &file);
  std::string bencoded;
  bencode_writer out(bencoded);
  out.begin_dict();
  for (auto& [root, file] : layers) {
    std::string hashes;
    for (auto& hash : file->piece_layer)
      hashes += hash.chars();
    out.string(root).string(hashes);
  }
  out.end();
  return bencoded;
}

} // namespace

std::string_view name(torrent_format format) {
  switch (format) {
  case torrent_format::v1:
    return "v1";
  case torrent_format::v2:
    return "v2";
  default:
    return "hybrid";
  }
}

std::optional<torrent_format> parse_torrent_format(std::string_view text) {
  for (auto format : {torrent_format::hybrid, torrent_format::v1, torrent_format::v2})
    if (text == name(format))
      return format;
  return std::nullopt;
}

uint64_t torrent_content::total_size_bytes() const {
  uint64_t total = 0;
  for (auto& file : files)
    total += file.size_bytes;
  return total;
}

uint32_t choose_piece_length(std::span<const uint64_t> file_sizes_bytes) {
  const auto total = std::accumulate(file_sizes_bytes.begin(), file_sizes_bytes.end(), uint64_t{0});
  uint32_t length = limits::piece_length_bytes_min;
  while (length < limits::piece_length_bytes_max && total / length > piece_count_aim)
    length *= 2;
  const auto pads = [&] {
    uint64_t sum = 0;
    for (auto size : file_sizes_bytes)
      sum += size % length == 0 ? 0 : length - size % length;
    return sum;
  };
  while (length > limits::piece_length_bytes_min && pads() > total)
    length /= 2;
  return length;
}

bool path_less(std::string_view left, std::string_view right) {
  // No segment contains a NUL, so a '/' that counts as NUL makes shorter segments come first.
  auto rank = [](char c) { return c == '/' ? uint8_t{0} : static_cast<uint8_t>(c); };
  return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end(),
                                      [&](char a, char b) { return rank(a) < rank(b); });
}

result<std::string> build_torrent(const torrent_content& content, torrent_format format,
                                  const torrent_options& options) {
  if (auto ok = check(content, format, options); !ok)
    return tl::make_unexpected(ok.error());
  torrent_root root;
  auto put = [&](const char* key, auto&& write) {
    bencode_writer out(root[key]);
    write(out);
  };
  if (!options.created_by.empty())
    put("created by", [&](auto& out) { out.string(options.created_by); });
  if (options.created_at > 0)
    put("creation date", [&](auto& out) { out.integer(options.created_at); });
  root["info"] = info_dictionary(content, format, options);
  if (format != torrent_format::v1)
    root["piece layers"] = piece_layers(content);
  const auto only = content.files.size() == 1 ? content.files.front().path : std::string{};
  put_links(root, options.links, {options.name, only, format != torrent_format::v2});
  return write_root(root);
}

} // namespace shoal
