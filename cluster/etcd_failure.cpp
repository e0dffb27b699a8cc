// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_codec.hpp"
#include "cluster/etcd_fields.hpp"

#include <algorithm>
#include <array>

namespace shoal::coordination::etcd {

namespace {

/// @source google.golang.org/grpc/codes.
enum grpc_code : uint64_t {
  invalid_argument = 3,
  not_found = 5,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  out_of_range = 11,
  unimplemented = 12,
  unauthenticated = 16
};

struct known_failure {
  std::string_view part; ///< Of etcd's message.
  verdict what;
  ec code;
};

/// Where the message says more than the code. @source etcd 3.4 api/v3rpc/rpctypes/error.go.
constexpr std::array known_failures{
    known_failure{"invalid auth token", verdict::token, ec::unauthorized},
    known_failure{"revision of auth store is old", verdict::token, ec::unauthorized},
    known_failure{"user name is empty", verdict::token, ec::unauthorized},
    known_failure{"authentication failed", verdict::refused, ec::unauthorized},
    known_failure{"authentication is not enabled", verdict::refused, ec::unsupported},
    known_failure{"request is too large", verdict::refused, ec::too_large},
    known_failure{"too many operations", verdict::refused, ec::too_large},
    known_failure{"message larger than max", verdict::refused, ec::too_large},
    known_failure{"has been compacted", verdict::refused, ec::not_found},
    known_failure{"database space exceeded", verdict::refused, ec::unavailable},
    known_failure{"too many requests", verdict::elsewhere, ec::unavailable},
    known_failure{"etcdserver: no leader", verdict::elsewhere, ec::unavailable},
    // The member had no leader to hand the proposal to, so it is in nobody's log.
    known_failure{"raft proposal dropped", verdict::elsewhere, ec::unavailable},
};

failure by_code(uint64_t code, std::string text) {
  auto refused = [&](ec why) { return failure{verdict::refused, {why, std::move(text)}}; };
  switch (code) {
  case invalid_argument:
  case failed_precondition:
  case out_of_range:
    return refused(ec::invalid_argument);
  case not_found:
    return refused(ec::not_found);
  case permission_denied:
    return refused(ec::unauthorized);
  case unauthenticated:
    return {verdict::token, {ec::unauthorized, std::move(text)}};
  case resource_exhausted:
  case unimplemented:
    return {verdict::elsewhere, {ec::unavailable, std::move(text)}};
  default:
    // Its own time ran out, a leader went, it is shutting down: the request may be in the log.
    return {verdict::unknown, {ec::timeout, std::move(text)}};
  }
}

/// Text that is no failure of etcd's: of a proxy, or of a server that is no etcd.
failure by_status(unsigned status) {
  auto text = "HTTP status " + std::to_string(status);
  if (status >= 400 && status < 500)
    return {verdict::elsewhere, {ec::unavailable, std::move(text)}};
  return {verdict::unknown, {ec::timeout, std::move(text)}};
}

} // namespace

bool is_failure(std::string_view text) {
  return text.starts_with("{\"error\":");
}

failure decode_failure(unsigned status, std::string_view text) {
  bool sound = true;
  auto whole = parse_object(text, sound);
  fields answer{whole, sound};
  uint64_t code = 0;
  std::string message;
  if (sound && whole.contains("error") && whole["error"].is_object()) { // Of a stream.
    fields inner{answer.child("error"), sound};
    code = inner.number("grpc_code");
    message = inner.text("message");
  } else {
    code = answer.number("code");
    message = answer.text("error");
  }
  if (!sound || code == 0)
    return by_status(status);
  if (message.size() > 512)
    message.resize(512);
  auto known = std::find_if(known_failures.begin(), known_failures.end(), [&](auto& each) {
    return message.find(each.part) != std::string::npos;
  });
  if (known != known_failures.end())
    return {known->what, {known->code, std::move(message)}};
  return by_code(code, std::move(message));
}

} // namespace shoal::coordination::etcd
