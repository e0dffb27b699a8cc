// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"

#include <nlohmann/json.hpp>

namespace shoal::http {

/// Sees to it that there is a key to sign with: a single node makes one when it is first asked, and
/// another when that is old. @errors ec::unavailable, ec::storage_*, ec::corrupt.
task<result<void>> prepare_to_sign(exchange& ex);

/// Signs a document that is sent next. @errors as `prepare_to_sign`.
task<result<void>> sign_answer(exchange& ex, nlohmann::json& doc);

} // namespace shoal::http
