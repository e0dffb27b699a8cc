// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace shoal::cluster {

/// Broken on purpose, so that the model test shows that it would notice. Only tests set it.
enum class replication_flaw : uint8_t {
  none,
  drops_fact,       ///< One fact in a hundred is never told.
  forgets_boundary, ///< A piece of a full sync begins one identity too late.
  ignores_gap,      ///< The standby takes a batch though one before it is missing.
  ignores_epoch,    ///< The standby listens to an owner that is one no more.
  keeps_leftovers,  ///< A full sync does not remove what the owner does not have.
  sentinel_
};

} // namespace shoal::cluster
