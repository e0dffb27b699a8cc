// SPDX-License-Identifier: Apache-2.0
#include "http/certificate_dates.hpp"

#include <fmt/format.h>

#include <ctime>

namespace shoal::http {

namespace {

/// As RFC 3339 writes it.
std::string utc(unix_seconds when) {
  std::tm fields{};
  auto seconds = static_cast<std::time_t>(when);
  if (::gmtime_r(&seconds, &fields) == nullptr)
    return std::to_string(when);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", fields.tm_year + 1900,
                     fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
                     fields.tm_sec);
}

} // namespace

std::optional<std::string> complaint_about(const certificate_dates& dates, unix_seconds now) {
  if (now >= dates.not_before && now <= dates.not_after)
    return std::nullopt;
  return fmt::format("{} {}: valid from {} to {}", dates.file,
                     now > dates.not_after ? "has expired" : "is not valid yet",
                     utc(dates.not_before), utc(dates.not_after));
}

} // namespace shoal::http
