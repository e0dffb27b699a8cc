// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shoal {

/// What a revision is called among those that pin objects. @param key "ns/name@rev".
std::string owner_of_revision(std::string_view key);

/// @returns the key of a revision from what its owner is called; nothing for owners of other kinds.
std::optional<std::string> revision_of_owner(std::string_view owner);

} // namespace shoal
