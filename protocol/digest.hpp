// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <memory>
#include <span>

struct evp_md_ctx_st;
struct evp_md_st;

namespace shoal {

/// A SHA-1 over the bytes of one v1 piece. @source BEP 3 "pieces".
using sha1_digest = byte_id<struct sha1_tag, 20>;

namespace detail {

struct digest_context_deleter {
  void operator()(evp_md_ctx_st* ctx) const noexcept;
};

/// @returns an implementation that was looked up once for the whole process.
const evp_md_st* fetched_sha1();
const evp_md_st* fetched_sha256();

/// Resumable hashing. Starts anew after `finish`. Not safe for two threads at once.
class digest_context {
public:
  explicit digest_context(const evp_md_st* algorithm);

  void update(std::span<const uint8_t> bytes);

  /// Writes `out.size()` bytes, which must be the size of the digest.
  void finish(std::span<uint8_t> out);

private:
  const evp_md_st* algorithm_;
  std::unique_ptr<evp_md_ctx_st, digest_context_deleter> ctx_;
};

} // namespace detail

class sha1_hasher {
public:
  sha1_hasher() : ctx_(detail::fetched_sha1()) {}
  void update(std::span<const uint8_t> bytes) { ctx_.update(bytes); }
  sha1_digest finish();

private:
  detail::digest_context ctx_;
};

class sha256_hasher {
public:
  sha256_hasher() : ctx_(detail::fetched_sha256()) {}
  void update(std::span<const uint8_t> bytes) { ctx_.update(bytes); }
  sha256_digest finish();

private:
  detail::digest_context ctx_;
};

sha1_digest sha1(std::span<const uint8_t> bytes);
sha256_digest sha256(std::span<const uint8_t> bytes);
inline sha1_digest sha1(std::string_view bytes) {
  return sha1(as_bytes(bytes));
}
inline sha256_digest sha256(std::string_view bytes) {
  return sha256(as_bytes(bytes));
}

} // namespace shoal
