// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <optional>
#include <string>
#include <string_view>

/// What a README says of its repository to programs: YAML between two lines "---" at its beginning.
/// @source Hugging Face, "Model Cards" and "Dataset Cards"
namespace shoal {

inline constexpr size_t front_matter_bytes_max = 64 * 1024;
inline constexpr size_t front_matter_values_max = 10'000;
inline constexpr size_t front_matter_depth_max = 16;

/// @returns the YAML; nothing if the text has no such beginning.
std::optional<std::string_view> find_front_matter(std::string_view readme);

/// Reads the first document, which must be a mapping. Plain words are what YAML 1.2's core schema
/// takes them for, so "no" is Norwegian; dates and infinite numbers are texts. The last one of
/// equal keys is true. Aliases are refused, as some lines of them are more than any memory holds.
/// @returns the same as JSON. @errors ec::invalid_argument, ec::too_large.
result<std::string> front_matter_json(std::string_view yaml);

} // namespace shoal
