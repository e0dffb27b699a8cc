// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <string>
#include <vector>

/// How nodes see to it that objects are on several of them.
namespace shoal {

/// An object and its size.
struct sized_object {
  sha256_digest object;
  uint64_t size_bytes = 0;

  bool operator==(const sized_object&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, sized_object& x) {
  return f(x.object, x.size_bytes);
}

/// Asks a node to hold these objects for now, until a record names them, and to fetch what it has
/// not from whoever asks.
struct hold_objects {
  std::vector<sized_object> objects; ///< At most limits::objects_held_at_once_max.
  std::string address; ///< Where the asker serves objects, "host:port"; empty: nothing is fetched.
  std::string zone;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, hold_objects& x) {
  return f(x.objects, x.address, x.zone);
}

/// The answer: how far it is. Asked again until it is done.
struct held_objects {
  enum class state : uint8_t { fetching, held, failed };

  std::string states; ///< Of each object, in order, as bytes.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, held_objects& x) {
  return f(x.states);
}

/// How far a node that drains is with its objects.
struct drain_state {
  bool known = false;   ///< It drains, and has looked which it has.
  uint64_t objects = 0; ///< Of which others are not known to have the copies that they can have.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, drain_state& x) {
  return f(x.known, x.objects);
}

/// Asks for copies of objects that are here on all of their homes, or on others if homes fail.
struct copy_objects {
  uint64_t ticket = 0; ///< Chosen at random by whoever asks; the same when it asks again.
  std::vector<sized_object> objects;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, copy_objects& x) {
  return f(x.ticket, x.objects);
}

/// The answer, after some seconds at most: if it is not done, ask again.
struct copy_state {
  bool done = false;
  uint64_t lacking = 0; ///< Objects with fewer copies than wanted, as no more nodes can take them.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, copy_state& x) {
  return f(x.done, x.lacking);
}

/// INTERNAL: what became of an object that was to come here.
struct object_pulled {
  sha256_digest object;
  uint8_t code = 0; ///< Of the error; 0: it is here.
  std::string detail;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_pulled& x) {
  return f(x.object, x.code, x.detail);
}

} // namespace shoal
