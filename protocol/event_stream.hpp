// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

/// Streams of events over HTTP. @source WHATWG HTML section 9.2 "Server-sent events"
namespace shoal {

struct server_event {
  std::string id;
  std::string name; ///< Empty: "message".
  std::string data; ///< Lines with "\n" between.

  bool operator==(const server_event&) const = default;
};

/// @param event with an id and a name of one line each.
std::string encode_event(const server_event& event);

/// Takes a stream apart as it comes in pieces. Comments and unknown fields are skipped.
class event_reader {
public:
  /// @param tell is called for each event that is whole.
  explicit event_reader(std::function<void(const server_event&)> tell) : tell_(std::move(tell)) {}

  /// @returns false if an event is longer than limits::json_body_bytes_max.
  bool take(std::string_view bytes);

private:
  void take_line(std::string_view line);

  std::function<void(const server_event&)> tell_;
  std::string line_; ///< What has come of the current one.
  server_event event_;
  bool has_data_ = false;
};

} // namespace shoal
