// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "persistence/object_claims.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_response_promise.hpp>

#include <memory>
#include <optional>
#include <vector>

/// Objects that are brought together at one node. These stay in the process (ADR 5).
namespace shoal {

/// Asks whether other nodes have all of these.
struct seek_objects {
  std::vector<sha256_digest> objects;
};

/// They do, each somewhere.
struct objects_sought {};

/// Asks for an object that is not here.
struct gather_object {
  sha256_digest object;
  bool urgent = false; ///< Somebody waits for it.
};

/// It is here now.
struct gathered_object {
  /// Keeps it from being evicted. Letting go of it waits for the disk.
  std::shared_ptr<object_claims::hold> hold;
};

/// INTERNAL: an object has come, or not.
struct gather_step {
  sha256_digest object;
  caf::typed_response_promise<gathered_object> answer;
  std::shared_ptr<object_claims::hold> hold;
  std::optional<error> failed = {};
  bool urgent = false;
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::seek_objects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::objects_sought)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::gather_object)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::gathered_object)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::gather_step)
