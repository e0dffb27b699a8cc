// SPDX-License-Identifier: Apache-2.0
#include "protocol/manifest.hpp"

#include <cstdlib>

using namespace shoal;

/// What decodes is valid and survives another round.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto m = decode_manifest({reinterpret_cast<const char*>(data), size});
  if (m && (!validate(*m) || decode_manifest(encode_manifest(*m)) != *m))
    std::abort();
  return 0;
}
