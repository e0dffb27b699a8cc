// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace shoal::coordination::etcd {

using nlohmann::json;

/// @returns the object that `text` holds; `sound` becomes false if it holds something else, or
/// nests deeper than limits::json_depth_max.
json parse_object(std::string_view text, bool& sound);

/// The fields of one object as proto3 writes them: what is absent has its default. A field of the
/// wrong kind makes `sound` false and counts as absent, so that a decoder asks once, at its end.
class fields {
public:
  /// @param of outlives this; an object, or null for one that is absent.
  fields(const json& of, bool& sound) : of_{of}, sound_{sound} {}

  uint64_t number(const char* name) const; ///< A string of digits, or a number.
  lease_id lease(const char* name) const;
  bool flag(const char* name) const;
  std::string text(const char* name) const;
  std::string bytes(const char* name) const; ///< base64.
  const json& child(const char* name) const; ///< An object, or null.
  const json& list(const char* name) const;  ///< An array.

  bool& sound() const { return sound_; }

private:
  /// @returns null unless the field is there.
  const json* find(const char* name) const;

  const json& of_;
  bool& sound_;
};

} // namespace shoal::coordination::etcd
