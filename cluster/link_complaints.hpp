// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_frame.hpp"
#include "core/clock.hpp"

#include <map>
#include <optional>
#include <string>

namespace shoal::cluster {

/// How loud to be about a link that is not: nobody fills the log with the same words, and what is
/// normal while nodes start and end is no trouble unless it goes on.
class link_complaints {
public:
  enum class tone : uint8_t { debug, info, warning };

  /// The same complaint is made once in this time.
  static constexpr std::chrono::minutes period{1};

  /// After so long what nodes learn at different times should be known to all.
  static constexpr std::chrono::seconds race_patience{15};

  /// Who tries on tries more often than that (link_timing::backoff_max); else it is over.
  static constexpr std::chrono::seconds race_gap{12};

  /// @param reason that one of the two nodes gave, if any.
  tone about(const std::string& node, const std::string& text, std::optional<link_refusal> reason,
             mono_time now);

  /// There is a link with the node.
  void over(const std::string& node) { races_.erase(node); }

private:
  struct race {
    mono_time first;
    mono_time last;
  };

  tone about_race(const std::string& node, mono_time now);

  std::map<std::string, mono_time> said_; // Limits: link_complaints_max of each.
  std::map<std::string, race> races_;     // By node.
};

} // namespace shoal::cluster
