// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/swarm_directory.hpp"

#include <array>
#include <memory>

namespace shoal {

/// Makes the counts of registry entries next to each other, because a search that sorts by seeders
/// reads those of every match. A page of them is freed with the last one in use, and no place is
/// used twice: a swarm may still write to the counts of an entry that was taken down.
class counts_pool {
public:
  std::shared_ptr<entry_counts> make() {
    if (used_ == page_size) {
      page_ = std::make_shared<page>();
      used_ = 0;
    }
    return {page_, &(*page_)[used_++]};
  }

private:
  static constexpr size_t page_size = 256;
  using page = std::array<entry_counts, page_size>;

  std::shared_ptr<page> page_;
  size_t used_ = page_size;
};

} // namespace shoal
