// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"
#include "http/digest_cache.hpp"

#include <string>

namespace shoal::http {

/// Where a model file was found last.
struct shelf_place {
  std::string id;
  std::string rev;
  std::string path;
};

/// By the SHA-256 of a file or of its tensors. Hints: revisions come and go.
class shelf_hints : public digest_cache<shelf_place> {
public:
  shelf_hints() : digest_cache{limits::shelf_hints_max} {}
};

} // namespace shoal::http
