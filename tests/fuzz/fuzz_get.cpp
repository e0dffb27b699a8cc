// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_get
#include "cmd/get/chunk_list.hpp"
#include "cmd/get/torrent_session.hpp"
#include "protocol/model_id.hpp"

#include <cstdlib>

using namespace shoal;

/// A torrent that is taken has safe paths; notes of chunks never lead outside of a file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto torrent = get::read_torrent(bytes)) {
    if (!is_safe_path(torrent->name) || torrent->name.find('/') != std::string::npos)
      std::abort();
    for (auto& file : torrent->files)
      if (!is_safe_path(file.path) || file.index < 0)
        std::abort();
    get::held_ranges(*torrent, std::string(bytes));
  }
  get::links_of_magnet(std::string(bytes));
  constexpr uint64_t file_bytes = 100'000'000;
  for (auto& [file, held] : get::read_chunks(bytes)) {
    uint64_t at = 0;
    for (auto& gap : get::missing_chunks(file_bytes, held)) {
      if (gap.first < at || gap.end <= gap.first || gap.end > file_bytes)
        std::abort();
      at = gap.end;
    }
  }
  return 0;
}
