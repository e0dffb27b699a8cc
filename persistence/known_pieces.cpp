// SPDX-License-Identifier: Apache-2.0
#include "persistence/known_pieces.hpp"

#include "core/limits.hpp"
#include "protocol/merkle.hpp"
#include "protocol/piece_layers.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// Nothing of a chunk can be read before all of its piece is here: with longer ones whoever reads
/// would wait too long for the first byte, and between them.
constexpr uint32_t pulled_piece_bytes_max = 8 * 1024 * 1024;

const manifest_torrent* v2_torrent_of(const manifest& m) {
  auto* torrent = m.find_torrent("hybrid");
  return torrent ? torrent : m.find_torrent("v2");
}

} // namespace

result<piece_hashes> pieces_of(const manifest_file& file, std::string_view torrent) {
  if (file.size_bytes == 0 || !file.pieces_root)
    return fail(ec::not_found, "no v2 torrent has " + file.path);
  auto all = read_piece_layers(torrent);
  if (!all)
    return tl::unexpected{all.error()};
  piece_hashes made;
  made.piece_length_bytes = all->piece_length_bytes;
  if (file.size_bytes <= made.piece_length_bytes) {
    made.v2 = {*file.pieces_root};
    return made;
  }
  auto layer = all->layers.find(*file.pieces_root);
  if (layer == all->layers.end())
    return fail(ec::not_found, "the torrent has no layer of " + file.path);
  auto count = (file.size_bytes + made.piece_length_bytes - 1) / made.piece_length_bytes;
  if (layer->second.size() != count
      || merkle::layer_root(layer->second, made.piece_length_bytes) != *file.pieces_root)
    return fail(ec::corrupt, "the layer of " + file.path);
  made.v2 = std::move(layer->second);
  return made;
}

sha256_digest fingerprint(const piece_hashes& pieces) {
  sha256_hasher hasher;
  auto head = std::to_string(pieces.piece_length_bytes);
  hasher.update(as_bytes(head));
  for (auto& hash : pieces.v2)
    hasher.update(as_bytes(hash.chars()));
  for (auto& hash : pieces.v1)
    hasher.update(as_bytes(hash.chars()));
  return hasher.finish();
}

result<piece_survey> survey_pieces(object_store& store, const sha256_digest& name,
                                   const sha256_digest& bytes, uint64_t size_bytes) {
  if (!store.size(name))
    return piece_survey{nullptr, name};
  auto m = store.load(name, limits::manifest_bytes_max).and_then(decode_manifest);
  if (!m)
    return tl::unexpected{m.error()};
  auto file = std::find_if(m->files.begin(), m->files.end(), [&](const manifest_file& x) {
    return x.sha256 == bytes && x.size_bytes == size_bytes;
  });
  auto* torrent = v2_torrent_of(*m);
  if (file == m->files.end() || !torrent)
    return piece_survey{};
  if (!store.size(torrent->object))
    return piece_survey{nullptr, torrent->object};
  auto pieces
      = store.load(torrent->object, limits::metainfo_bytes_max).and_then([&](const auto& text) {
          return pieces_of(*file, text);
        });
  if (!pieces)
    return tl::unexpected{pieces.error()};
  if (pieces->piece_length_bytes > pulled_piece_bytes_max)
    return piece_survey{};
  return piece_survey{std::make_shared<const piece_hashes>(std::move(*pieces)), std::nullopt};
}

} // namespace shoal
