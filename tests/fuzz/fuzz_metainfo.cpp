// SPDX-License-Identifier: Apache-2.0
#include "protocol/known_hashes.hpp"
#include "protocol/metainfo.hpp"
#include "protocol/model_id.hpp"

#include <cstdlib>

using namespace shoal;

namespace {

/// What a torrent tells of files is whole, and no more is taken for known than it tells.
void check_known(std::string_view bytes, const metainfo& info) {
  manifest m;
  for (auto& file : info.files)
    if (!file.pad)
      m.files.push_back({file.path, file.size_bytes, sha256(file.path), std::nullopt});
  normalize(m);
  const auto known = read_known_hashes(m, bytes, bytes);
  if (!known)
    return;
  const uint64_t piece = known->piece_length_bytes;
  for (auto& [name, file] : known->files) {
    const uint64_t pieces = (file.size_bytes + piece - 1) / piece;
    if (file.v1_pieces.size() != pieces || file.piece_layer.size() != (pieces > 1 ? pieces : 0))
      std::abort();
  }
  const auto plan = plan_stream(m.files, &*known);
  if (plan.order.size() != m.files.size()
      || (plan.known_bytes + piece - 1) / piece > known->stream_pieces.size())
    std::abort();
}

} // namespace

/// What parses has safe paths and can be composed without a change of its info-hashes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const torrent_links links{{{"http://t/announce"}, {"udp://u:1"}}, {"http://w/"}, "comment"};
  const auto before = parse_metainfo(bytes);
  const auto composed = compose_torrent(bytes, links);
  if (!before)
    return 0;
  for (auto& file : before->files)
    if (!file.pad && !is_safe_path(file.path))
      std::abort();
  if (!composed)
    std::abort();
  check_known(bytes, *before);
  const auto after = parse_metainfo(*composed);
  if (!after || after->v1 != before->v1 || after->v2 != before->v2 || after->files != before->files)
    std::abort();
  return 0;
}
