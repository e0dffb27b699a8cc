// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/object_places.hpp"
#include "core/clock.hpp"

#include <list>
#include <unordered_map>

namespace shoal {

/// Where objects were found a moment ago. The oldest of too many is forgotten.
class place_cache {
public:
  place_cache(std::chrono::milliseconds lifetime, size_t objects_max)
      : lifetime_{lifetime}, objects_max_{objects_max} {}

  /// @returns null if it is not known, or for too long.
  const std::vector<object_place>* find(const sha256_digest& object, mono_time now) const;

  /// Takes the place of what was known about the object.
  void put(const sha256_digest& object, std::vector<object_place> places, mono_time now);

  void forget(const sha256_digest& object);

  size_t objects() const { return known_.size(); }

private:
  struct item {
    std::vector<object_place> places;
    mono_time until{};
    std::list<sha256_digest>::iterator age;
  };

  std::chrono::milliseconds lifetime_;
  size_t objects_max_;
  std::list<sha256_digest> ages_; // The oldest first.
  std::unordered_map<sha256_digest, item> known_;
};

} // namespace shoal
