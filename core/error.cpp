// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace shoal {

namespace {

struct entry {
  std::string_view name;
  std::string_view sentence;
  bool client;
};

constexpr std::array entries{
    entry{"invalid_argument", "a value is malformed", true},
    entry{"missing_argument", "a required value is missing", true},
    entry{"unauthorized", "credentials are missing or wrong", true},
    entry{"not_found", "not found", true},
    entry{"conflict", "the name is taken by other content", true},
    entry{"blocked", "the info-hash is blocked", true},
    entry{"too_large", "too large", true},
    entry{"range_unsatisfiable", "the range lies outside of the content", true},
    entry{"hash_mismatch", "the bytes do not match their hash", true},
    entry{"rate_limited", "too many requests", true},
    entry{"unsupported", "not supported", true},
    entry{"busy", "busy, try again", false},
    entry{"timeout", "no answer in time", false},
    entry{"unavailable", "a dependency is unavailable", false},
    entry{"storage_full", "the storage is full", false},
    entry{"storage_failed", "the storage failed", false},
    entry{"corrupt", "stored data is corrupt", false},
    entry{"shutting_down", "the node is shutting down", false},
    entry{"not_owner", "another node is responsible", false},
};
static_assert(entries.size() + 1 == static_cast<size_t>(ec::ec_sentinel_));

const entry& entry_of(ec code) {
  auto index = static_cast<size_t>(code) - 1;
  SHOAL_CHECK(index < entries.size());
  return entries[index];
}

} // namespace

std::string_view name(ec code) {
  return entry_of(code).name;
}

std::string_view sentence(ec code) {
  return entry_of(code).sentence;
}

bool is_client_error(ec code) {
  return entry_of(code).client;
}

std::string to_string(const error& err) {
  std::string text{sentence(err.code)};
  if (!err.detail.empty()) {
    text += ": ";
    text += err.detail;
  }
  return text;
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "shoal: %s:%d: invariant broken: %s\n", file, line, condition);
  std::abort();
}

} // namespace shoal
