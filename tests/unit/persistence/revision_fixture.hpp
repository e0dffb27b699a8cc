// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/known_pieces.hpp"
#include "persistence/revision_torrents.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"

#include <random>

namespace shoal::test {

inline std::string random_content(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (auto& c : bytes)
    c = static_cast<char>(random());
  return bytes;
}

/// A store with revisions that have torrents.
struct revision_fixture : object_store_fixture {
  /// @returns it with its torrents, which are objects.
  manifest make_revision(const std::map<std::string, std::string>& files) {
    manifest m;
    m.id = *model_id::parse("org/m");
    m.rev = std::string(40, 'c');
    for (auto& [path, bytes] : files) {
      put(bytes, "test");
      m.files.push_back({path, bytes.size(), sha256(bytes), std::nullopt});
    }
    normalize(m);
    if (auto added = add_torrents(*store, m, plan_torrents_by_name(m), nullptr, 2); !added)
      CAF_FAIL(to_string(added.error()));
    return m;
  }

  sha256_digest store_manifest(const manifest& m) { return put(encode_manifest(m), "test"); }
};

} // namespace shoal::test
