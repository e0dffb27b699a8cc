// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"

#include <memory>
#include <string>
#include <vector>

namespace shoal {

/// Country and autonomous system of an address, from files in MaxMind's format (GeoLite2-Country,
/// GeoLite2-ASN, DB-IP and the like). Read-only after `open`, so any thread may ask.
/// @source https://maxmind.github.io/MaxMind-DB/
class geo_lookup {
public:
  struct answer {
    uint16_t country = 0; ///< Two letters, the first one in the upper byte; 0 is unknown.
    uint32_t network = 0; ///< Number of the autonomous system; 0 is unknown.
  };

  /// @param paths one or more files; what one does not know the next may.
  /// @errors ec::invalid_argument: none given, or one that cannot be read.
  static result<std::shared_ptr<const geo_lookup>> open(const std::vector<std::string>& paths);

  ~geo_lookup();

  answer find(const ip_address& address) const;

private:
  struct database;

  geo_lookup();

  std::vector<std::unique_ptr<database>> databases_;
};

} // namespace shoal
