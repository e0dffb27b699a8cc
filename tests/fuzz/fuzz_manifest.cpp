// SPDX-License-Identifier: Apache-2.0
#include "protocol/git_identity.hpp"

#include <cstdlib>

using namespace shoal;

/// Every file is where the snapshot says it is.
static bool snapshot_fits(const manifest& m) {
  const auto made = take_snapshot(m);
  for (auto& file : m.files) {
    auto* found = made.find(m, file.path);
    if (!found || m.files[found->file].path != file.path || found->id != git_blob_of(file))
      return false;
  }
  return true;
}

/// What decodes is valid and survives another round.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto m = decode_manifest({reinterpret_cast<const char*>(data), size});
  if (m && (!validate(*m) || decode_manifest(encode_manifest(*m)) != *m))
    std::abort();
  if (m && !snapshot_fits(*m))
    std::abort();
  return 0;
}
