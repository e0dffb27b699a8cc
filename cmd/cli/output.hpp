// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cli {

/// Prints to stdout with two blanks per level, keys sorted, ASCII only, as Python's json.dumps
/// with indent=2 does: scripts made for hf-bt's helper compare texts.
void print_json(const nlohmann::json& value);

/// @returns the text without what a terminal would obey: control characters become '?'. For
/// everything that a server or a file name says.
std::string safe_text(std::string_view text);

/// @returns e.g. "571 B", "1.50 GiB".
std::string human_size(uint64_t bytes);

/// Prints columns, two blanks apart, each as wide as its widest cell.
/// @param right_aligned for each column: numbers.
void print_table(const std::vector<std::vector<std::string>>& rows,
                 const std::vector<bool>& right_aligned);

/// @returns a string, a number or a boolean member as text; empty if absent.
std::string member_text(const nlohmann::json& object, const char* key);

/// @returns a non-negative number member, or 0.
uint64_t member_number(const nlohmann::json& object, const char* key);

} // namespace shoal::cli
