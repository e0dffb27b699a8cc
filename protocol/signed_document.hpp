// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "protocol/ed25519.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

/// JSON documents that say who vouches for them. A signed document is an object with a member
///
///     "signature": {"algorithm": "Ed25519", "key_id", "signed_at", "value"}
///
/// whose value is the base64url of the signature over `signature_prefix` and the document's
/// canonical JSON without "value": keys in order, no blanks, UTF-8, which for documents without
/// fractions and with ASCII keys is RFC 8785.
namespace shoal {

inline constexpr std::string_view signature_prefix = "shoal-signed-document-1\n";

/// Half of a key that everybody may know, and when it counts.
struct verification_key {
  std::string id; ///< RFC 7638's thumbprint, base64url.
  ed25519_public key;
  unix_seconds not_before = 0;
  unix_seconds not_after = 0; ///< 0: no end is known.

  bool operator==(const verification_key&) const = default;
};

/// @returns the name of a key. @source RFC 7638 section 3, RFC 8037 appendix A.3
std::string key_id_of(const ed25519_public& key);

/// @returns what is signed and hashed. Bytes that are no UTF-8 become U+FFFD.
std::string canonical_json(const nlohmann::json& doc);

/// Gives a document its signature, instead of one that it may have. @param doc an object.
void sign_document(nlohmann::json& doc, const ed25519_key& key, unix_seconds now);

/// @param keys those that are trusted. @returns the one that signed.
/// @errors ec::invalid_argument: there is no signature, or in another form; ec::unauthorized: with
/// none of these keys, or not in its time; ec::too_large; ec::hash_mismatch: the document is not
/// what was signed.
result<verification_key> verify_document(const nlohmann::json& doc,
                                         const std::vector<verification_key>& keys);

/// `{"keys": [...]}`: the first is the one that signs. @source RFC 7517, RFC 8037
nlohmann::json key_set_json(const std::vector<verification_key>& keys);

/// Reads a set; keys of other kinds are skipped. @errors ec::invalid_argument: no set, or one
/// without a key of ours.
result<std::vector<verification_key>> parse_key_set(std::string_view text);

} // namespace shoal
