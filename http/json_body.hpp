// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::http {

/// Parses any JSON text. Never throws; memory is at most a small multiple of the text, so callers
/// bound that (limits::json_body_bytes_max).
/// @errors ec::invalid_argument for text that is no JSON in valid UTF-8, ec::too_large if it nests
/// deeper than limits::json_depth_max.
result<nlohmann::json> parse_json(std::string_view text);

/// @returns compact JSON; bytes that are no UTF-8 become U+FFFD, so it cannot fail.
std::string dump_json(const nlohmann::json& value);
std::string dump_json(const nlohmann::ordered_json& value);

/// The body of a request that is a flat JSON object. Only the fields that were asked for are kept,
/// so a hostile body of any size costs no more memory than its own size.
class json_body {
public:
  /// @param wanted the names of the fields to keep. Of repeated ones the last counts.
  /// @errors ec::invalid_argument unless `text` is one JSON object in valid UTF-8; ec::too_large as
  /// `parse_json`.
  static result<json_body> parse(std::string_view text,
                                 std::initializer_list<std::string_view> wanted);

  /// As `parse`, for an object that has some of the fields in an inner one. @param inner its name.
  static result<json_body> parse_with(std::string_view text, std::string_view inner,
                                      std::initializer_list<std::string_view> wanted);

  /// Whether the field is there; null is as good as absent.
  bool has(const char* field) const;

  /// @returns the text, empty if the field is absent.
  /// @errors ec::invalid_argument (no text), ec::too_large, both naming the field.
  result<std::string> text(const char* field, size_t bytes_max) const;

  /// @returns the whole number 0..2^63-1, nothing if the field is absent.
  /// @errors ec::invalid_argument naming the field.
  result<std::optional<uint64_t>> number(const char* field) const;

  /// Takes a text out without a copy, for big ones. @errors ec::invalid_argument.
  result<std::string> take_text(const char* field);

private:
  const nlohmann::json* find(const char* field) const;

  nlohmann::json object_;
};

} // namespace shoal::http
