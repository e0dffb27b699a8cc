// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/limits.hpp"

namespace shoal::http {

/// Counts how often the streams of an object have broken one after the other without a byte: a node
/// that lets itself be opened and then gives nothing must not be asked for ever. Pure.
class lost_streams {
public:
  /// @param brought_bytes the one that broke has brought something.
  /// @returns whether to open another one.
  bool may_open_another(bool brought_bytes) {
    in_vain_ = brought_bytes ? 0 : in_vain_ + 1;
    return in_vain_ < limits::object_relay_tries_max;
  }

private:
  size_t in_vain_ = 0;
};

} // namespace shoal::http
