// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/shared_key_record.hpp"
#include "protocol/signed_document.hpp"

#include <mutex>
#include <optional>
#include <span>

namespace shoal::http {

/// The keys that manifests are signed with: those that the cluster's nodes share, or a single
/// node's own, which it keeps in its store. A new key is made before the old one is too old, and
/// the old one is good for `overlap` more. Thread-safe; time is passed in.
class signing_book {
public:
  static constexpr std::chrono::hours overlap{24 * 30};

  /// @param rotate_every 0: never.
  explicit signing_book(std::chrono::seconds rotate_every) : rotate_every_{rotate_every} {}

  /// Uses these from now on. @param generations at least one, in any order.
  /// @param current the number of the one that signs.
  void use(std::span<const cluster::key_generation> generations, uint64_t current);

  /// @returns nothing as long as it has been told of no key.
  std::optional<ed25519_key> current() const;

  /// Keys that signatures may be of, the current one first.
  std::vector<verification_key> good(unix_seconds now) const;

  /// Whether a single node should make a key now, because it has none or the current one is old.
  bool wants_another(unix_seconds now) const;

  /// @returns a single node's record with one more generation and without those that are over.
  /// @param seed random bytes.
  cluster::shared_key_record next(const cluster::shared_key_record& record, std::string seed,
                                  unix_seconds now) const;

private:
  struct known {
    uint64_t number;
    ed25519_key key;
    unix_seconds created_at;
    unix_seconds ends_at; // 0: no end is known.
  };

  std::chrono::seconds rotate_every_;
  mutable std::mutex mutex_;
  std::vector<known> keys_; // The newest first.
  uint64_t current_ = 0;
};

} // namespace shoal::http
