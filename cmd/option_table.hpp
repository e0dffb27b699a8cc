// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/net.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace shoal::cmd {

/// One thing that can be configured: by flag, environment or file, always under the same rules.
struct option {
  std::string key;              ///< In the file: "http.listen". The flag is its last part.
  std::string flag;             ///< "--listen"
  std::vector<std::string> env; ///< "SHOAL_LISTEN" and the names that the source systems use.
  std::string help;
  bool secret = false; ///< Never shown.
  bool list = false;   ///< May be given several times.

  /// Takes one text per element. @errors ec::invalid_argument with what is wrong.
  std::function<result<void>(const std::vector<std::string>&)> set;

  /// The value now, one text per element.
  std::function<std::vector<std::string>()> show;

  bool quoted = true; ///< TOML writes it as a string.
};

// Bindings of options to fields. Each keeps a reference to `field`.
option setting(std::string key, std::string& field, std::string help);
option setting(std::string key, bool& field, std::string help);
option setting(std::string key, unsigned& field, std::string help, unsigned min, unsigned max);
option setting(std::string key, uint64_t& field, std::string help, uint64_t min, uint64_t max);
option setting(std::string key, double& field, std::string help, double min, double max);
option setting(std::string key, std::chrono::seconds& field, std::string help, int64_t min,
               int64_t max);
option setting(std::string key, std::vector<endpoint>& field, std::string help);
option setting(std::string key, std::vector<cidr>& field, std::string help);
option setting(std::string key, std::vector<std::string>& field, std::string help);

/// Marks a value that must not be shown.
option secret(option made);

/// Adds a further environment name.
option also(option made, std::string env);

/// "127.0.0.1:8080", "[::1]:8080", or ":8080" for all addresses of both families.
result<std::vector<endpoint>> parse_listen(const std::string& text);

} // namespace shoal::cmd
