// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/model_card.hpp"

#include <nlohmann/json_fwd.hpp>

/// Cards as they stand in manifests: JSON objects without what is empty or unknown.
namespace shoal {

nlohmann::json to_json(const model_card& card);

/// @returns nothing if a value is missing or has the wrong type. Not yet validated.
std::optional<model_card> card_from_json(const nlohmann::json& doc);

} // namespace shoal
