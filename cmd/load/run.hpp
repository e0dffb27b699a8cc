// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/options.hpp"
#include "cmd/load/process_usage.hpp"
#include "cmd/load/tally.hpp"
#include "core/error.hpp"

#include <memory>
#include <optional>

namespace shoal::load {

/// What a run has measured.
struct report {
  load_options options;
  std::unique_ptr<tally> seen;    ///< Of the measured phase.
  std::unique_ptr<tally> prefill; ///< Null without one.
  double seconds = 0;
  double prefill_seconds = 0;
  uint64_t hostile_sent = 0;
  process_usage generator; ///< CPU of the measured phase.
  std::optional<process_usage> server;
  std::optional<uint64_t> server_resident_before; ///< Before anything was sent.
  double machine_cpu_s = 0;                       ///< All processors, everybody, measured phase.
};

/// Prefills, loads, and counts. @errors ec::unavailable if sockets cannot be opened.
result<report> run_load(const load_options& options);

/// Makes `run_load` end early; for signal handlers.
void cancel_load();

/// A table for people, or one JSON object.
void print(const report& done);

/// 0, 1 or 2: see `shoal-load --help`.
int exit_code_of(const report& done);

} // namespace shoal::load
