// SPDX-License-Identifier: Apache-2.0
#include "protocol/piece_layers.hpp"

#include "core/limits.hpp"

#include <libtorrent/bdecode.hpp>

#include <bit>

namespace shoal {

namespace {

std::string_view view(lt::string_view text) {
  return {text.data(), text.size()};
}

} // namespace

result<piece_layers> read_piece_layers(std::string_view torrent) {
  auto bad = [] { return fail(ec::invalid_argument, "not a .torrent file: bad piece layers"); };
  if (torrent.size() > limits::metainfo_bytes_max)
    return fail(ec::too_large, "the .torrent file");
  lt::error_code err;
  auto root = lt::bdecode({torrent.data(), static_cast<std::ptrdiff_t>(torrent.size())}, err,
                          nullptr, limits::metainfo_depth_max, limits::metainfo_tokens_max);
  if (err || root.type() != lt::bdecode_node::dict_t)
    return bad();
  auto info = root.dict_find_dict("info");
  if (!info || info.dict_find_int_value("meta version") != 2)
    return fail(ec::unsupported, "the torrent has no v2 part");
  auto length = info.dict_find_int_value("piece length");
  if (length < limits::piece_length_bytes_min || length > limits::piece_length_bytes_max
      || !std::has_single_bit(static_cast<uint64_t>(length)))
    return bad();
  piece_layers made;
  made.piece_length_bytes = static_cast<uint32_t>(length);
  auto all = root.dict_find_dict("piece layers");
  for (int i = 0; all && i < all.dict_size(); ++i) {
    auto [name, layer] = all.dict_at(i);
    auto of = sha256_digest::from_bytes(view(name));
    auto hashes = layer.type() == lt::bdecode_node::string_t ? view(layer.string_value())
                                                             : std::string_view{};
    if (!of || hashes.empty() || hashes.size() % sha256_digest::size_bytes != 0)
      return bad();
    auto& list = made.layers[*of];
    for (; !hashes.empty(); hashes.remove_prefix(sha256_digest::size_bytes))
      list.push_back(*sha256_digest::from_bytes(hashes.substr(0, sha256_digest::size_bytes)));
  }
  return made;
}

} // namespace shoal
