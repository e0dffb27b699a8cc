// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

/// Logging: error = the operator must act, warn = we degraded, info = lifecycle, debug = per
/// request, trace = per packet. The first field names the actor ("swarm/3fa9c1d2"), then an event
/// in present tense, then key=value pairs. Secrets never; addresses of peers only at debug and
/// below.
namespace shoal::log {

enum class format : uint8_t { automatic, text, json };

struct config {
  std::string level = "info";       ///< error, warn, info, debug or trace.
  format shape = format::automatic; ///< automatic: text on a terminal, JSON otherwise.
};

/// @returns whether `level` is one of the five names.
bool is_level(std::string_view level);

/// Installs the process-wide logger that writes to stderr. Call once, before the first thread.
void init(const config& cfg);

template <class... Args>
void error(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  spdlog::error("{} {}", who, fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void warn(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  spdlog::warn("{} {}", who, fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void info(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  spdlog::info("{} {}", who, fmt::format(text, std::forward<Args>(args)...));
}

/// Costs one comparison when debug is off: arguments are formatted only if it is on.
template <class... Args>
void debug(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  if (spdlog::should_log(spdlog::level::debug))
    spdlog::debug("{} {}", who, fmt::format(text, std::forward<Args>(args)...));
}

} // namespace shoal::log
