// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/option_table.hpp"
#include "cmd/shoald_config.hpp"

namespace shoal::cmd {

/// Fields whose types the option table does not know, and where they go in the end.
struct staging {
  std::chrono::seconds interval{1800};
  std::chrono::seconds interval_min{0};
  std::chrono::seconds interval_max{0};
  std::string data_dir = "var/shoal";
  std::string log_format = "automatic";
  std::vector<std::string> tls_cert;
  std::string webseed_base_url{defaults::webseed_base_url};
  std::vector<std::string> webseed_mirrors; ///< Further origins.
  std::string mirror = "on-demand";
  std::chrono::seconds upload_life{defaults::upload_life_s};
  unsigned webseed_timeout_ms = 10'000;
  std::vector<std::string> webseed_allow_private;
};

/// Everything that can be configured, in the order of `--print-config`: sections stay together.
/// @param c, s what the options are bound to; both outlive them.
std::vector<option> option_table(shoald_config& c, staging& s);

} // namespace shoal::cmd
