// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/announce_access.hpp"

#include "http/credentials.hpp"
#include "protocol/passkey.hpp"

namespace shoal::http {

result<std::string> check_passkey(std::span<const std::string> secrets, std::string_view passkey) {
  if (secrets.empty())
    return std::string{};
  if (passkey.empty())
    return fail(ec::unauthorized, std::string{passkey_missing});
  auto user = verify_passkey(secrets, passkey);
  if (!user)
    return fail(ec::unauthorized, std::string{passkey_wrong});
  return std::move(*user);
}

std::string passkey_of_query(const exchange& ex) {
  auto params = ex.params();
  auto given = params ? params->get("passkey") : std::nullopt;
  if (!given || !verify_passkey(ex.config().tracker_secrets, *given))
    return {};
  return std::move(*given);
}

bool may_have_private(const exchange& ex) {
  auto& config = ex.config();
  if (config.registry_key.empty() && config.tracker_secrets.empty())
    return true;
  auto has_key = config.registry_key.empty() ? has_admin_key(ex) : has_registry_key(ex);
  return has_key || !passkey_of_query(ex).empty();
}

} // namespace shoal::http
