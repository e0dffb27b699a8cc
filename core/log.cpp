// SPDX-License-Identifier: Apache-2.0
#include "core/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <unistd.h>

namespace shoal::log {

namespace {

constexpr std::array level_names{"error", "warn", "info", "debug", "trace"};

/// Writes the message with everything escaped that JSON forbids inside a string.
class json_message : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& msg, const std::tm&,
              spdlog::memory_buf_t& dest) override {
    for (unsigned char c : std::string_view(msg.payload.data(), msg.payload.size())) {
      if (c == '"' || c == '\\') {
        dest.push_back('\\');
        dest.push_back(static_cast<char>(c));
      } else if (c < 0x20) {
        fmt::format_to(std::back_inserter(dest), "\\u{:04x}", c);
      } else {
        dest.push_back(static_cast<char>(c));
      }
    }
  }

  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<json_message>();
  }
};

} // namespace

bool is_level(std::string_view level) {
  return std::find(level_names.begin(), level_names.end(), level) != level_names.end();
}

void init(const config& cfg) {
  auto text
      = cfg.shape == format::text || (cfg.shape == format::automatic && isatty(STDERR_FILENO));
  auto logger = text ? std::make_shared<spdlog::logger>(
                    "shoal", std::make_shared<spdlog::sinks::stderr_color_sink_mt>())
                     : std::make_shared<spdlog::logger>(
                         "shoal", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (text) {
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-5l%$ %v");
  } else {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<json_message>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","thread":%t,"message":"%*"})");
    logger->set_formatter(std::move(formatter));
  }
  logger->set_level(spdlog::level::from_str(cfg.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

} // namespace shoal::log
