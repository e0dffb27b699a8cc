// SPDX-License-Identifier: Apache-2.0
#include "protocol/ed25519.hpp"

#include <openssl/evp.h>

namespace shoal {

namespace {

using context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

context make_context() {
  context made{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  SHOAL_CHECK(made);
  return made;
}

} // namespace

result<ed25519_key> ed25519_key::from_seed(std::string_view seed) {
  if (seed.size() != seed_bytes)
    return fail(ec::invalid_argument, "an Ed25519 seed has 32 bytes");
  ed25519_key made;
  made.key_ = {
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, as_bytes(seed).data(), seed.size()),
      &EVP_PKEY_free};
  size_t size = made.public_.bytes.size();
  SHOAL_CHECK(made.key_
              && EVP_PKEY_get_raw_public_key(made.key_.get(), made.public_.bytes.data(), &size) == 1
              && size == made.public_.bytes.size());
  return made;
}

ed25519_signature ed25519_key::sign(std::string_view message) const {
  auto ctx = make_context();
  ed25519_signature made;
  size_t size = made.bytes.size();
  auto text = as_bytes(message);
  SHOAL_CHECK(EVP_DigestSignInit(ctx.get(), nullptr, nullptr, nullptr, key_.get()) == 1
              && EVP_DigestSign(ctx.get(), made.bytes.data(), &size, text.data(), text.size()) == 1
              && size == made.bytes.size());
  return made;
}

bool verify(const ed25519_public& key, std::string_view message,
            const ed25519_signature& signature) {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parsed{
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), key.bytes.size()),
      &EVP_PKEY_free};
  auto ctx = make_context();
  auto text = as_bytes(message);
  return parsed && EVP_DigestVerifyInit(ctx.get(), nullptr, nullptr, nullptr, parsed.get()) == 1
         && EVP_DigestVerify(ctx.get(), signature.bytes.data(), signature.bytes.size(), text.data(),
                             text.size())
                == 1;
}

} // namespace shoal
