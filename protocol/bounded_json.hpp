// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

/// JSON from outside, in linear time. A hostile document of tiny nested values takes a hundred
/// times its size in memory, so it is counted before it is kept. nlohmann's own way to look at
/// values while they are parsed, a callback, goes through all of an array with each object in it.
namespace shoal {

struct json_bounds {
  size_t depth_max;  ///< Containers around a value; 0: the document is one scalar.
  size_t values_max; ///< Scalars and containers; keys are not counted.
};

/// Never throws. @returns a discarded value for what is no JSON, or is more than that.
nlohmann::json parse_json(std::string_view text, const json_bounds& bounds);

} // namespace shoal
