// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal {

/// Everything that can go wrong, in one vocabulary. Three classes: a *client* error is shown to the
/// peer verbatim, an *operational* one is logged and answered generically, a *bug* aborts.
enum class ec : uint8_t {
  invalid_argument = 1, ///< client: a value is malformed or out of its range.
  missing_argument,     ///< client: a required value is absent.
  unauthorized,         ///< client: credentials are missing or wrong.
  not_found,            ///< client: nothing is known under that name.
  conflict,             ///< client: the name is taken by other content.
  blocked,              ///< client: the info-hash is on the blocklist.
  too_large,            ///< client: a named limit of core/limits.hpp is exceeded.
  range_unsatisfiable,  ///< client: the byte range lies outside of the content.
  hash_mismatch,        ///< client: bytes do not hash to their name.
  rate_limited,         ///< client: the caller's token bucket is empty.
  unsupported,          ///< client: understood, but not offered.
  busy,                 ///< operational: a bounded queue is full; try again.
  timeout,              ///< operational: no answer in time.
  unavailable,          ///< operational: a dependency is down.
  storage_full,         ///< operational: the disk or the map is full.
  storage_failed,       ///< operational: the disk or LMDB reports an error.
  corrupt,              ///< operational: stored bytes do not decode.
  shutting_down,        ///< operational: the process is leaving.
  not_owner,            ///< operational: another node owns that slot now; ask there.
  ec_sentinel_
};

/// @returns the lower-case name of the code, e.g. "not_found".
std::string_view name(ec code);

/// @returns one plain sentence for people, without a full stop.
std::string_view sentence(ec code);

/// @returns whether the code's detail may be shown to whoever asked.
bool is_client_error(ec code);

/// What went wrong and, for people, where.
struct error {
  ec code;
  std::string detail; ///< Shown after the sentence; may be empty.

  bool operator==(const error&) const = default;
};

/// @returns "sentence: detail", or the sentence alone.
std::string to_string(const error& err);

/// A value, or the reason why there is none. Pure code never throws across a folder boundary.
template <class T>
using result = tl::expected<T, error>;

inline tl::unexpected<error> fail(ec code, std::string detail = {}) {
  return tl::unexpected<error>(error{code, std::move(detail)});
}

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

} // namespace shoal

/// Aborts with context when an invariant of our own code does not hold.
#define SHOAL_CHECK(condition)                                                                     \
  ((condition) ? void(0) : ::shoal::check_failed(#condition, __FILE__, __LINE__))
