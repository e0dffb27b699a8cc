// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"
#include "http/principal.hpp"

namespace shoal::http {

/// The session that a request names: `X-Session-ID`, `?session_id=` or the cookie `swarm_token`.
/// Empty if none.
std::string session_of_request(const exchange& ex);

/// @param session_id empty: the request's key, passkey or address says who asks.
/// @errors ec::unauthorized: the session is none of ours, or over.
result<principal> principal_of(const exchange& ex, std::string_view session_id);

/// The same for those who do not care about sessions: one that is not good is as good as none.
principal whoever_asks(const exchange& ex);

/// Whether private revisions are for them.
bool may_see_private(const exchange& ex, const principal& who);

/// Whether model files are for them. @source SwarmUI `FundamentalModelAccess`
bool has_model_access(const exchange& ex, const principal& who);

/// Who asks for model files or for what belongs to them, in SwarmUI's order: the session, then the
/// permission. @param session_id of the body; may be empty. @returns the refusal else.
tl::expected<principal, response> admit(const exchange& ex, std::string session_id);

} // namespace shoal::http
