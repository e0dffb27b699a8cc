// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/messages/object_places.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

/// Which node pulls a file from its origins for all of the cluster. These stay in the process.
namespace shoal {

/// Asks for the home of a pull.
struct find_home {
  sha256_digest pull;              ///< Its key.
  std::vector<std::string> failed; ///< Nodes that could not do it a moment ago: not these.
  std::string doubted = {};        ///< One that must say once more that it is there.
};

/// The answer.
struct pull_home {
  object_place place; ///< Only `node` and `address` are filled in; no address: this node.

  bool is_here() const { return place.address.empty(); }
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::find_home)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::pull_home)
