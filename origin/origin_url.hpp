// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <string>
#include <string_view>

namespace shoal::origin {

/// An absolute URL of http or https, normalised.
struct origin_url {
  std::string text;
  std::string scheme;    ///< In lower case.
  std::string host;      ///< In lower case, without brackets.
  std::string authority; ///< "scheme://host:port": what tokens and bounds are kept by.

  /// @errors ec::invalid_argument: not such a URL, or one with a user or a password.
  static result<origin_url> parse(std::string_view text);

  /// @param location absolute or relative, as a redirect has it.
  result<origin_url> follow(std::string_view location) const;
};

} // namespace shoal::origin
