// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/ids.hpp"

#include <memory>
#include <string_view>

struct evp_pkey_st;

/// Signatures of 64 bytes with keys of 32. @source RFC 8032
namespace shoal {

using ed25519_public = byte_id<struct ed25519_public_tag, 32>;
using ed25519_signature = byte_id<struct ed25519_signature_tag, 64>;

/// A private key. Signing is safe from any thread.
class ed25519_key {
public:
  static constexpr size_t seed_bytes = 32;

  /// @param seed `seed_bytes` random bytes. @errors ec::invalid_argument: another length.
  static result<ed25519_key> from_seed(std::string_view seed);

  const ed25519_public& public_key() const { return public_; }
  ed25519_signature sign(std::string_view message) const;

private:
  std::shared_ptr<evp_pkey_st> key_;
  ed25519_public public_;
};

/// Whether whoever has the private half of `key` signed that message.
bool verify(const ed25519_public& key, std::string_view message,
            const ed25519_signature& signature);

} // namespace shoal
