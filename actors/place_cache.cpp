// SPDX-License-Identifier: Apache-2.0
#include "actors/place_cache.hpp"

namespace shoal {

const std::vector<object_place>* place_cache::find(const sha256_digest& object,
                                                   mono_time now) const {
  auto found = known_.find(object);
  return found == known_.end() || now >= found->second.until ? nullptr : &found->second.places;
}

void place_cache::put(const sha256_digest& object, std::vector<object_place> places,
                      mono_time now) {
  forget(object);
  if (known_.size() >= objects_max_)
    forget(sha256_digest{ages_.front()});
  ages_.push_back(object);
  known_.emplace(object, item{std::move(places), now + lifetime_, std::prev(ages_.end())});
}

void place_cache::forget(const sha256_digest& object) {
  auto found = known_.find(object);
  if (found == known_.end())
    return;
  ages_.erase(found->second.age);
  known_.erase(found);
}

} // namespace shoal
