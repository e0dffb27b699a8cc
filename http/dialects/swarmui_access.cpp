// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/swarmui_access.hpp"

#include "http/credentials.hpp"
#include "http/dialects/announce_access.hpp"
#include "http/dialects/swarmui_json.hpp"
#include "protocol/passkey.hpp"
#include "protocol/text.hpp"

namespace shoal::http {

namespace {

constexpr std::string_view cookie_name = "swarm_token=";

std::string_view cookie_of(const exchange& ex) {
  auto all = ex.header("Cookie");
  while (!all.empty()) {
    auto end = std::min(all.find(';'), all.size());
    auto one = text::trim(all.substr(0, end));
    if (one.starts_with(cookie_name))
      return one.substr(cookie_name.size());
    all.remove_prefix(std::min(end + 1, all.size()));
  }
  return {};
}

uint64_t number_of(const exchange& ex, std::span<const uint8_t> bytes) {
  return keyed_hash(ex.node().secret(), bytes) & principal::number_mask;
}

principal with_key(const exchange& ex) {
  if (has_admin_key(ex))
    return {principal_kind::admin, 0, {}};
  if (!ex.config().registry_key.empty() && has_registry_key(ex))
    return {principal_kind::writer, 0, {}};
  auto user = user_of_token(ex);
  if (!user) {
    auto params = ex.params();
    auto given = params ? params->get("passkey") : std::nullopt;
    if (given)
      user = verify_passkey(ex.srv().gate.secrets(), *given);
  }
  if (user && !user->empty())
    return {principal_kind::user, number_of(ex, as_bytes(*user)), *user};
  // A host of IPv6 has a /64 to itself.
  auto& ip = ex.client();
  auto bytes = std::span(ip.bytes.data(), ip.is_v4() ? size_t{4} : size_t{8});
  return {principal_kind::address, number_of(ex, bytes), {}};
}

} // namespace

std::string session_of_request(const exchange& ex) {
  if (auto given = ex.header("X-Session-ID"); !given.empty())
    return std::string{given};
  auto params = ex.params();
  auto given = params ? params->get("session_id") : std::nullopt;
  return given ? std::string{*given} : std::string{cookie_of(ex)};
}

result<principal> principal_of(const exchange& ex, std::string_view session_id) {
  if (session_id.empty())
    return with_key(ex);
  auto found = ex.srv().sessions.open(session_id, unix_now(), ex.config().session_life);
  if (!found)
    return fail(ec::unauthorized);
  return std::move(*found);
}

principal whoever_asks(const exchange& ex) {
  auto found = principal_of(ex, session_of_request(ex));
  return found ? std::move(*found) : with_key(ex);
}

bool may_see_private(const exchange& ex, const principal& who) {
  auto is_known = who.kind == principal_kind::user || who.kind == principal_kind::writer
                  || who.kind == principal_kind::admin;
  return is_known || may_have_private(ex);
}

bool has_model_access(const exchange& ex, const principal& who) {
  if (who.kind == principal_kind::address)
    return ex.config().guest_access && !ex.config().session_required;
  return who.kind != principal_kind::guest || ex.config().guest_access;
}

tl::expected<principal, response> admit(const exchange& ex, std::string session_id) {
  if (session_id.empty())
    session_id = session_of_request(ex);
  auto who = principal_of(ex, session_id);
  if (!who)
    return tl::unexpected{bad_session()};
  if (who->kind == principal_kind::address)
    return tl::unexpected{swarmui_error(400, "basic_api", "missing session id")};
  if (!has_model_access(ex, *who))
    return tl::unexpected{bad_permission()};
  return std::move(*who);
}

} // namespace shoal::http
