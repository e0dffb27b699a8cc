// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/announce_access.hpp"

#include "http/credentials.hpp"
#include "protocol/passkey.hpp"

namespace shoal::http {

std::string passkey_of_query(const exchange& ex) {
  auto params = ex.params();
  auto given = params ? params->get("passkey") : std::nullopt;
  if (!given || !verify_passkey(ex.srv().gate.secrets(), *given))
    return {};
  return std::move(*given);
}

std::optional<std::string> user_of_token(const exchange& ex) {
  return verify_passkey(ex.srv().gate.secrets(), bearer_token(ex));
}

bool may_have_private(const exchange& ex) {
  auto& config = ex.config();
  if (config.registry_key.empty() && ex.srv().gate.secrets().empty())
    return true;
  auto has_key = config.registry_key.empty() ? has_admin_key(ex) : has_registry_key(ex);
  return has_key || !passkey_of_query(ex).empty() || user_of_token(ex);
}

} // namespace shoal::http
