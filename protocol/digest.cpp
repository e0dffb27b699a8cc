// SPDX-License-Identifier: Apache-2.0
#include "protocol/digest.hpp"

#include "core/error.hpp"

#include <openssl/evp.h>

namespace shoal {

namespace detail {

void digest_context_deleter::operator()(evp_md_ctx_st* ctx) const noexcept {
  EVP_MD_CTX_free(ctx);
}

// Looking an algorithm up takes a lock and a search in OpenSSL 3; these stay for the process.
const evp_md_st* fetched_sha1() {
  static const evp_md_st* algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  return algorithm;
}

const evp_md_st* fetched_sha256() {
  static const evp_md_st* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

digest_context::digest_context(const evp_md_st* algorithm)
    : algorithm_(algorithm), ctx_(EVP_MD_CTX_new()) {
  SHOAL_CHECK(algorithm_ != nullptr && ctx_ != nullptr);
  SHOAL_CHECK(EVP_DigestInit_ex2(ctx_.get(), algorithm_, nullptr) == 1);
}

void digest_context::update(std::span<const uint8_t> bytes) {
  SHOAL_CHECK(EVP_DigestUpdate(ctx_.get(), bytes.data(), bytes.size()) == 1);
}

void digest_context::finish(std::span<uint8_t> out) {
  unsigned size = 0;
  SHOAL_CHECK(static_cast<size_t>(EVP_MD_get_size(algorithm_)) == out.size());
  SHOAL_CHECK(EVP_DigestFinal_ex(ctx_.get(), out.data(), &size) == 1);
  SHOAL_CHECK(EVP_DigestInit_ex2(ctx_.get(), nullptr, nullptr) == 1);
}

} // namespace detail

sha1_digest sha1_hasher::finish() {
  sha1_digest out;
  ctx_.finish(out.bytes);
  return out;
}

sha256_digest sha256_hasher::finish() {
  sha256_digest out;
  ctx_.finish(out.bytes);
  return out;
}

sha1_digest sha1(std::span<const uint8_t> bytes) {
  sha1_hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

sha256_digest sha256(std::span<const uint8_t> bytes) {
  sha256_hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

} // namespace shoal
