// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <string>

namespace shoal::cli {

/// What the process returns; `shoal --help` lists it.
enum class exit_code : int {
  ok = 0,
  refused = 1,     ///< The server answered, and said no.
  unreachable = 2, ///< The server does not answer; also wrong usage.
  usage = 2,
  local_trouble = 3, ///< A local file cannot be read or written, or changes meanwhile.
  interrupted = 130, ///< By SIGINT or SIGTERM; what was done is kept.
};

/// Why a command did not do its work.
struct failure {
  exit_code code;
  std::string message; ///< For people; one line.
  long http_status = 0;
};

template <class T>
using outcome = tl::expected<T, failure>;

inline tl::unexpected<failure> refuse(exit_code code, std::string message, long http_status = 0) {
  return tl::unexpected<failure>(failure{code, std::move(message), http_status});
}

/// For errors of the layers below, which all concern local files here.
inline tl::unexpected<failure> local_trouble(const error& err) {
  return refuse(exit_code::local_trouble, to_string(err));
}

} // namespace shoal::cli
