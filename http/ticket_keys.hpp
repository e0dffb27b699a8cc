// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace shoal::http {

/// What session tickets of TLS are sealed with. A client brings its ticket back instead of going
/// through a whole handshake; whoever learns a key can read the sessions of its time, so keys are
/// drawn anew and forgotten: by this class, or by whoever gives it keys that several nodes share.
/// Thread-safe; time is passed in.
class ticket_keys {
public:
  /// A key seals for so long, and opens for as long again.
  static constexpr std::chrono::hours period{4};

  struct key {
    std::array<uint8_t, 16> name; ///< Stands in the ticket.
    std::array<uint8_t, 32> cipher;
    std::array<uint8_t, 32> mac;
    mono_time made;

    static constexpr size_t bytes = 16 + 32 + 32;

    /// @param secret `bytes` bytes, derived or drawn for this alone.
    static key from(std::string_view secret);
  };

  /// Uses these instead of own ones, whatever their age, until it is told of others.
  /// @param keys the first seals, all open; at least one.
  void share(std::vector<key> keys);

  /// @returns the key for new tickets; nothing if the system gives no random bytes.
  std::optional<key> for_sealing(mono_time now);

  struct found {
    key with;
    bool renew; ///< The client should get a new ticket.
  };

  /// @returns the key of that name; nothing if it is not (or no more) one of ours.
  std::optional<found> for_opening(std::span<const uint8_t> name, mono_time now);

private:
  std::mutex mutex_;
  std::vector<key> shared_; // Empty: own ones.
  std::optional<key> current_;
  std::optional<key> previous_;
};

} // namespace shoal::http
