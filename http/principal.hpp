// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/keyed_hash.hpp"
#include "core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Who asks, and sessions, as SwarmUI's dialect has them. No node keeps them: an id says whose it
/// is and since when, with a code that only nodes of the cluster can make. So any node knows a
/// session, and none is lost.
namespace shoal::http {

enum class principal_kind : uint8_t { guest, user, writer, admin, address };

/// Who asks, as far as the node can tell.
struct principal {
  principal_kind kind = principal_kind::address;

  /// A random one of a guest, a keyed hash of a user's id or of an address; 56 bits.
  uint64_t number = 0;
  std::string name; ///< The user's id, if the request says it.

  static constexpr uint64_t number_mask = (uint64_t{1} << 56) - 1;

  /// "guest-0123456789abcd": the same for the same principal on every node.
  std::string key() const;

  /// What people call it: the name, else the key.
  std::string shown() const { return name.empty() ? key() : name; }
};

/// Makes and reads ids of sessions. Thread-safe.
class session_seal {
public:
  static constexpr size_t digits = 40; ///< Upper-case hexadecimal, as SwarmUI's.

  /// @param secret of all nodes.
  explicit session_seal(std::string secret);

  /// Seals with the first of these from now on, and opens what any of them has sealed. Empty ones
  /// change nothing. @param secrets of all nodes.
  void change_secrets(std::vector<std::string> secrets);

  std::string issue(const principal& whose, unix_seconds now) const;

  /// @returns nothing for what was not issued here, or longer ago than `life`. A clock that is five
  /// minutes ahead of ours is believed.
  std::optional<principal> open(std::string_view id, unix_seconds now,
                                std::chrono::seconds life) const;

private:
  using secret_list = std::vector<std::string>; // At least one, the current one first.

  std::shared_ptr<const secret_list> secrets() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const secret_list> secrets_;
};

/// @returns what sessions of a single node are sealed with. @param secret the node's own.
std::string session_secret(const hash_key& secret);

} // namespace shoal::http
