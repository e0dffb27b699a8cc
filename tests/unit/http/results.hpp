// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

namespace shoal::test {

/// CAF's checks keep references to what they compare, so parts of temporaries must become values.
template <class T>
T value_of(result<T> outcome) {
  return std::move(outcome.value());
}

template <class T>
error error_of(const result<T>& outcome) {
  SHOAL_CHECK(!outcome);
  return outcome.error();
}

template <class T>
ec code_of(const result<T>& outcome) {
  return error_of(outcome).code;
}

} // namespace shoal::test
