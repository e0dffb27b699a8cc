// SPDX-License-Identifier: Apache-2.0
#include "protocol/known_hashes.hpp"

#include "core/limits.hpp"
#include "protocol/metainfo.hpp"
#include "protocol/piece_layers.hpp"

#include <libtorrent/bdecode.hpp>

#include <algorithm>
#include <numeric>

namespace shoal {

namespace {

/// The hashes of "pieces" in the info dictionary; empty if they are not whole.
std::vector<sha1_digest> v1_hashes(std::string_view torrent) {
  lt::error_code err;
  auto root = lt::bdecode({torrent.data(), static_cast<std::ptrdiff_t>(torrent.size())}, err,
                          nullptr, limits::metainfo_depth_max, limits::metainfo_tokens_max);
  auto info = err || root.type() != lt::bdecode_node::dict_t ? lt::bdecode_node{}
                                                             : root.dict_find_dict("info");
  auto text = info ? info.dict_find_string_value("pieces") : lt::string_view{};
  std::vector<sha1_digest> hashes;
  for (; text.size() >= sha1_digest::size_bytes; text.remove_prefix(sha1_digest::size_bytes))
    hashes.push_back(*sha1_digest::from_bytes({text.data(), sha1_digest::size_bytes}));
  if (!text.empty())
    hashes.clear();
  return hashes;
}

uint64_t pieces_of(uint64_t size_bytes, uint32_t piece_bytes) {
  return (size_bytes + piece_bytes - 1) / piece_bytes;
}

/// Whether the file begins a piece and pads fill up its last one.
bool stands_alone(const metainfo& info, size_t at, uint64_t offset) {
  const uint64_t piece = info.piece_length_bytes;
  const uint64_t tail = info.files[at].size_bytes % piece;
  if (offset % piece != 0)
    return false;
  return tail == 0
         || (at + 1 < info.files.size() && info.files[at + 1].pad
             && info.files[at + 1].size_bytes == piece - tail);
}

std::optional<hashed_file> hashes_of(const torrent_file& file, const manifest_file& named,
                                     std::span<const sha1_digest> v1, const piece_layers& layers) {
  hashed_file out;
  out.size_bytes = file.size_bytes;
  out.sha256 = named.sha256;
  out.pieces_root = file.pieces_root;
  out.v1_pieces.assign(v1.begin(), v1.end());
  if (!out.pieces_root)
    return std::nullopt;
  if (v1.size() > 1) {
    auto layer = layers.layers.find(*out.pieces_root);
    if (layer == layers.layers.end() || layer->second.size() != v1.size())
      return std::nullopt;
    out.piece_layer = layer->second;
  }
  return out;
}

void read_files(known_hashes& known, const manifest& m, const metainfo& info,
                const std::vector<sha1_digest>& v1, const piece_layers& layers) {
  uint64_t offset = 0;
  for (size_t i = 0; i < info.files.size(); ++i) {
    auto& file = info.files[i];
    auto first = offset / info.piece_length_bytes;
    auto count = pieces_of(file.size_bytes, info.piece_length_bytes);
    auto* named = file.pad || file.size_bytes == 0 ? nullptr : m.find_file(file.path);
    if (named && named->size_bytes == file.size_bytes && stands_alone(info, i, offset)
        && first + count <= v1.size())
      if (auto hashes = hashes_of(file, *named, std::span(v1).subspan(first, count), layers))
        known.files.emplace(named->sha256, std::move(*hashes));
    offset += file.size_bytes;
  }
}

void read_stream(known_hashes& known, const manifest& m, const metainfo& info,
                 std::vector<sha1_digest> pieces) {
  if (info.piece_length_bytes != known.piece_length_bytes
      || pieces.size() != pieces_of(info.total_size_bytes, info.piece_length_bytes))
    return;
  std::vector<sha256_digest> stream;
  for (auto& file : info.files) {
    auto* named = file.pad ? nullptr : m.find_file(file.path);
    if (!named || named->size_bytes != file.size_bytes)
      return;
    if (file.size_bytes > 0)
      stream.push_back(named->sha256);
  }
  known.stream = std::move(stream);
  known.stream_pieces = std::move(pieces);
}

/// Files by content, so that each is used once.
class unused_files {
public:
  explicit unused_files(std::span<const manifest_file> files) {
    for (size_t i = files.size(); i-- > 0;) // Of equals the first one is at the end.
      if (files[i].size_bytes > 0)
        by_content_[files[i].sha256].push_back(i);
  }

  std::optional<size_t> take(const sha256_digest& content) {
    auto at = by_content_.find(content);
    if (at == by_content_.end() || at->second.empty())
      return std::nullopt;
    auto i = at->second.back();
    at->second.pop_back();
    return i;
  }

private:
  std::map<sha256_digest, std::vector<size_t>> by_content_;
};

uint64_t bytes_of(std::span<const size_t> some, std::span<const manifest_file> files) {
  uint64_t sum = 0;
  for (auto i : some)
    sum += files[i].size_bytes;
  return sum;
}

/// Small files at the end of what was before let larger ones go first, where that costs less than
/// these do: or the next change of a small one would cost all that came after it.
void give_way(std::vector<size_t>& before, std::vector<size_t>& others,
              std::span<const manifest_file> files) {
  uint64_t largest = 0;
  for (auto i : others)
    largest = std::max(largest, files[i].size_bytes);
  auto budget = bytes_of(others, files);
  while (!before.empty()) {
    const auto size = files[before.back()].size_bytes;
    if (size >= largest || size > budget)
      return;
    budget -= size;
    others.push_back(before.back());
    before.pop_back();
  }
}

} // namespace

result<known_hashes> read_known_hashes(const manifest& m, std::string_view hybrid,
                                       std::string_view v1) {
  known_hashes known;
  if (m.files.size() < 2)
    return fail(ec::invalid_argument, "a file that is alone is cut in its own way");
  auto info = parse_metainfo(hybrid);
  if (!info)
    return tl::unexpected{info.error()};
  auto layers = read_piece_layers(hybrid);
  if (!layers)
    return tl::unexpected{layers.error()};
  known.piece_length_bytes = info->piece_length_bytes;
  read_files(known, m, *info, v1_hashes(hybrid), *layers);
  if (v1.empty())
    return known;
  if (auto sibling = parse_metainfo(v1))
    read_stream(known, m, *sibling, v1_hashes(v1));
  return known;
}

stream_plan plan_stream(std::span<const manifest_file> files, const known_hashes* known) {
  stream_plan plan;
  unused_files unused{files};
  std::vector<bool> placed(files.size());
  for (size_t i = 0; known && i < known->stream.size(); ++i) {
    auto at = unused.take(known->stream[i]);
    if (!at)
      break;
    plan.order.push_back(*at);
    placed[*at] = true;
  }
  std::vector<size_t> others;
  for (size_t i = 0; i < files.size(); ++i)
    if (!placed[i])
      others.push_back(i);
  give_way(plan.order, others, files);
  const auto same = plan.order.size();
  const auto same_bytes = bytes_of(plan.order, files);
  std::sort(others.begin(), others.end(), [&](size_t left, size_t right) {
    auto& a = files[left].size_bytes;
    auto& b = files[right].size_bytes;
    return a != b ? a > b : left < right;
  });
  plan.order.insert(plan.order.end(), others.begin(), others.end());
  if (!known || known->piece_length_bytes == 0)
    return plan;
  // The last piece of a stream may be short: it is right only where the stream ends as before.
  const bool all
      = same == known->stream.size() && (others.empty() || files[others.front()].size_bytes == 0);
  plan.known_bytes = all ? same_bytes : same_bytes - same_bytes % known->piece_length_bytes;
  return plan;
}

uint32_t piece_length_for(std::span<const manifest_file> files, const known_hashes* known) {
  std::vector<uint64_t> sizes;
  for (auto& file : files)
    sizes.push_back(file.size_bytes);
  const auto best = choose_piece_length(sizes);
  if (!known || files.size() < 2)
    return best;
  const auto before = known->piece_length_bytes;
  return before == best || before == best / 2 || before / 2 == best ? before : best;
}

} // namespace shoal
