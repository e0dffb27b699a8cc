// SPDX-License-Identifier: Apache-2.0
#include "protocol/piece_layers.hpp"
#include "protocol/signed_document.hpp"

#include <nlohmann/json.hpp>

using namespace shoal;

/// Nothing that was not signed passes; what reads a set of keys or a torrent's layers survives.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  static const auto key = *ed25519_key::from_seed(std::string(32, 'k'));
  const std::vector<verification_key> keys{{key_id_of(key.public_key()), key.public_key(), 0, 0}};
  if (auto set = parse_key_set(text))
    SHOAL_CHECK(parse_key_set(key_set_json(*set).dump()) == *set);
  if (auto layers = read_piece_layers(text))
    SHOAL_CHECK(layers->piece_length_bytes > 0);
  auto doc = nlohmann::json::parse(text, nullptr, false);
  if (!doc.is_object())
    return 0;
  SHOAL_CHECK(!verify_document(doc, keys));
  sign_document(doc, key, 5);
  auto checked = verify_document(doc, keys);
  SHOAL_CHECK(checked || checked.error().code == ec::too_large);
  SHOAL_CHECK(!checked || verify_document(nlohmann::json::parse(canonical_json(doc)), keys));
  return 0;
}
