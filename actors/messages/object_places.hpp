// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <string>
#include <vector>

/// Which nodes have an object, and where they serve it to others.
namespace shoal {

/// Asks a node whether it has an object.
struct object_query {
  sha256_digest object;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_query& x) {
  return f(x.object);
}

/// The answer of a node that has it.
struct object_place {
  uint64_t size_bytes = 0;
  std::string address; ///< "host:port": where that node serves objects to other nodes.
  std::string zone;
  std::string node; ///< Is not sent: whoever asked knows it.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_place& x) {
  return f(x.size_bytes, x.address, x.zone);
}

/// Asks which other nodes have an object.
struct find_object {
  sha256_digest object;
  bool anew = false; ///< What was known a moment ago did not help.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_object& x) {
  return f(x.object, x.anew);
}

/// The best place first; at least one.
struct object_places {
  std::vector<object_place> places;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_places& x) {
  return f(x.places);
}

} // namespace shoal
