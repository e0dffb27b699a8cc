// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace shoal::cli {

/// Where an agent reports, and as whom.
struct agent_line_config {
  std::vector<std::string> servers; ///< "http://host:port" or "https://host"; each is told.
  std::string key;                  ///< The registry key; empty: none.
  std::string local_address;        ///< To connect from; empty: any.
  std::chrono::seconds period{30};  ///< Between two reports; a server may want another one.
};

/// The WebSockets on which an agent tells nodes how it is, in a thread of their own. What breaks is
/// connected again, after one second, two, four and so on up to a minute.
class agent_line {
public:
  /// @param report makes the text to say; called on the thread of the lines.
  /// @param complain hears why a server does not listen; on the same thread, once for each reason.
  agent_line(agent_line_config config, std::function<std::string()> report,
             std::function<void(const std::string&)> complain);

  /// Ends all connections.
  ~agent_line();

  size_t servers() const { return config_.servers.size(); }

  /// How many servers have heard the last report.
  size_t heard() const { return heard_; }

private:
  friend struct agent_conversation;
  struct impl;

  const agent_line_config config_;
  const std::function<std::string()> report_;
  const std::function<void(const std::string&)> complain_;
  std::atomic<size_t> heard_{0};
  std::unique_ptr<impl> impl_;
};

} // namespace shoal::cli
