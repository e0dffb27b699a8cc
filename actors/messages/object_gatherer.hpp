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

/// Asks for objects that are not here.
struct gather_objects {
  std::vector<sha256_digest> objects;
  bool only_look = false; ///< Whether other nodes have them; nothing comes.
};

/// The answer.
struct gathered_objects {
  /// None: all are here now, or could come. ec::not_found: no node has one; others are for now.
  std::optional<error> failed = {};
  /// Keeps those that came from being evicted. Letting go of it waits for the disk.
  std::shared_ptr<std::vector<object_claims::hold>> hold;
};

/// INTERNAL: such a question on its way.
struct gather_job {
  gather_objects what;
  caf::typed_response_promise<gathered_objects> answer;
  size_t at = 0; ///< Of `what.objects`: the one that is looked for, or on its way.
  std::shared_ptr<std::vector<object_claims::hold>> hold
      = std::make_shared<std::vector<object_claims::hold>>();
};

/// INTERNAL: the object that a job waits for has come and is in its hold, or not.
struct gather_step {
  std::shared_ptr<gather_job> job;
  std::optional<error> failed;
};

} // namespace shoal

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::gather_objects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::gathered_objects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shoal::gather_step)
