// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/swarmui_chunks.hpp"

#include "core/log.hpp"
#include "http/dialects/registry_access.hpp"
#include "protocol/piece_layers.hpp"

namespace shoal::http {

namespace {

/// Leaves are SHA-256 of 16 KiB blocks; a chunk's hash is the root over its blocks.
constexpr auto algorithm = "sha256-merkle-16384";

nlohmann::json to_json(const piece_layers& all, const manifest_file& file) {
  auto size = uint64_t{all.piece_length_bytes};
  auto hashes = nlohmann::json::array();
  auto layer = all.layers.find(*file.pieces_root);
  if (layer == all.layers.end())
    hashes.push_back(file.pieces_root->hex());
  else
    for (auto& hash : layer->second)
      hashes.push_back(hash.hex());
  return {{"algorithm", algorithm},
          {"size", size},
          {"count", (file.size_bytes + size - 1) / size},
          {"root", file.pieces_root->hex()},
          {"hashes", std::move(hashes)}};
}

const manifest_torrent* v2_torrent_of(const manifest& m) {
  auto* torrent = m.find_torrent("hybrid");
  return torrent ? torrent : m.find_torrent("v2");
}

/// Reads the torrent, unless it was read just now.
task<bool> load_layers(exchange& ex, sha256_digest torrent, chunk_lister& lister) {
  if (lister.torrent == torrent)
    co_return lister.layers != nullptr;
  lister.torrent = torrent;
  lister.layers = nullptr;
  co_await bring_object(ex, torrent);
  auto* objects = &ex.node().objects();
  auto read = [objects, torrent] {
    return objects->load(torrent, limits::metainfo_bytes_max)
        .and_then([](const std::string& bytes) { return read_piece_layers(bytes); });
  };
  auto made = co_await ex.on_disk(read);
  if (made)
    lister.layers = std::make_shared<const piece_layers>(std::move(*made));
  else
    log::warn("http", "cannot list chunks error=\"{}\"", to_string(made.error()));
  co_return made.has_value();
}

} // namespace

task<std::optional<nlohmann::json>> list_chunks(exchange& ex, const shelf_item& item,
                                                chunk_lister& lister) {
  auto* torrent = v2_torrent_of(*item.files);
  if (lister.left == 0 || !torrent || !item.file->pieces_root)
    co_return std::nullopt;
  auto loaded = co_await load_layers(ex, torrent->object, lister);
  if (!loaded)
    co_return std::nullopt;
  auto size = uint64_t{lister.layers->piece_length_bytes};
  auto count = (item.file->size_bytes + size - 1) / size;
  if (count > lister.left)
    co_return std::nullopt;
  lister.left -= static_cast<size_t>(count);
  co_return to_json(*lister.layers, *item.file);
}

} // namespace shoal::http
