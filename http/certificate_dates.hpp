// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <optional>
#include <string>

namespace shoal::http {

/// From when to when clients take a certificate.
struct certificate_dates {
  std::string file;
  unix_seconds not_before = 0;
  unix_seconds not_after = 0; ///< The last second.
};

/// @returns what is wrong with the dates, for people; nothing if they fit.
std::optional<std::string> complaint_about(const certificate_dates& dates, unix_seconds now);

} // namespace shoal::http
