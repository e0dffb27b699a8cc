// SPDX-License-Identifier: Apache-2.0
#include "http/manifest_cache.hpp"

namespace shoal::http {

manifest_cache::item manifest_cache::find(const sha256_digest& digest) {
  std::lock_guard guard{mutex_};
  auto i = places_.find(digest);
  if (i == places_.end())
    return nullptr;
  entries_.splice(entries_.begin(), entries_, i->second);
  return i->second->second;
}

void manifest_cache::put(const sha256_digest& digest, item made) {
  auto weight = made->files.size();
  std::lock_guard guard{mutex_};
  if (weight > files_max_ || places_.contains(digest))
    return;
  while (files_ + weight > files_max_) {
    files_ -= entries_.back().second->files.size();
    places_.erase(entries_.back().first);
    entries_.pop_back();
  }
  entries_.emplace_front(digest, std::move(made));
  places_.emplace(digest, entries_.begin());
  files_ += weight;
}

size_t manifest_cache::files() const {
  std::lock_guard guard{mutex_};
  return files_;
}

} // namespace shoal::http
