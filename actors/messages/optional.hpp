// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.hpp"

#include <caf/error.hpp>
#include <caf/meta/load_callback.hpp>

#include <optional>

namespace shoal {

/// Lets messages carry std::optional ids: CAF 0.17 knows only its own optional. On the wire it is
/// a flag and a value that means nothing if the flag is false.
template <class Inspector, class Tag, size_t Size>
typename Inspector::result_type inspect(Inspector& f, std::optional<byte_id<Tag, Size>>& x) {
  auto present = x.has_value();
  auto value = x.value_or(byte_id<Tag, Size>{});
  auto load = [&]() -> caf::error {
    x = present ? std::optional{value} : std::nullopt;
    return caf::none;
  };
  return f(present, value, caf::meta::load_callback(load));
}

} // namespace shoal
