// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol/query.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// The paths and parameters of Hugging Face's API, taken apart. Pure.
namespace shoal::http {

/// "{id}", or "{id}/{verb}", or "{id}/{verb}/{rest}".
struct hub_path {
  std::string id;
  std::string verb; ///< Empty: the repository itself is meant.
  std::string rest;

  bool operator==(const hub_path&) const = default;
};

/// @param path decoded. @param verbs those that may follow an id.
/// @returns how the path may be meant, the likelier reading first: ids have one or two parts.
std::vector<hub_path> hub_readings(std::string_view path,
                                   std::initializer_list<std::string_view> verbs);

/// A revision's name and a path in it.
struct hub_ref {
  std::string name;
  std::string path; ///< May be empty; without slashes at its ends.

  bool operator==(const hub_ref&) const = default;
};

/// Clients send "refs/pr/1" with its slashes or without ("%2F"), so what is a name and what a path
/// can only be told by the names that there are.
/// @returns how `rest` may be meant, the longest name first; none if it is empty.
std::vector<hub_ref> ref_readings(std::string_view rest);

/// @returns the name under which the catalog knows a ref: "main" for "refs/heads/main", "HEAD" and
/// "main"; "v1" for "refs/tags/v1" and "v1".
std::string catalog_name(std::string_view ref);

/// Whether a parameter says yes, in one of the ways that clients have.
bool is_set(const query_params& params, std::string_view name);

/// @returns the fields that `expand` names, once or more often, with brackets or without.
std::vector<std::string> expanded_fields(const query_params& params);

} // namespace shoal::http
