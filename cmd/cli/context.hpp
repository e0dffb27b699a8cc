// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/cli/failure.hpp"
#include "cmd/cli/http_client.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shoal::cli {

/// What all commands share: the global options, and the result.
struct context {
  std::string server = "http://127.0.0.1:8080"; ///< One URL, or several with commas between.
  std::string key;                              ///< X-Weightless-Key; empty: none.
  bool json = false;
  bool quiet = false;
  exit_code result = exit_code::ok;

  /// Progress bars are for people alone.
  bool wants_progress() const { return !json && !quiet; }

  /// The URLs in `server`, at least one, without doubles and without '/' at their ends.
  std::vector<std::string> servers() const;

  /// Says on stderr what it waits for, if it waits.
  http_client client() const;

  /// Makes `work` the command's action and a failure of it the process's.
  void on_run(CLI::App& command, std::function<outcome<void>()> work);
};

} // namespace shoal::cli
