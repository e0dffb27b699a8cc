// SPDX-License-Identifier: Apache-2.0
#include "protocol/metainfo.hpp"
#include "protocol/model_id.hpp"

#include <cstdlib>

using namespace shoal;

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
  const auto after = parse_metainfo(*composed);
  if (!after || after->v1 != before->v1 || after->v2 != before->v2 || after->files != before->files)
    std::abort();
  return 0;
}
