// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"

#include <span>

namespace shoal::http {

/// Who may use a route, checked before its handler runs.
enum class access : uint8_t {
  open,
  writer, ///< X-Weightless-Key, if a registry key is configured.
  admin,  ///< The admin key; nobody, if none is configured.
};

/// The shape of a route's errors.
enum class dialect : uint8_t { plain, json };

struct route {
  method verb;
  /// Segments are literal, "{name}" (one decoded segment, not empty), or at the end "{*name}" (all
  /// the rest, decoded, slashes included). A GET route serves HEAD as well. A trailing slash of the
  /// request's path is ignored.
  std::string_view path;
  task<> (*handler)(exchange&);
  access who = access::open;
  dialect errors = dialect::json;
  bool limited = false;  ///< Counts against the client's token bucket.
  bool any_case = false; ///< Literal segments match in any case.
};

/// All routes of all dialects. The only list: the router, the OpenAPI test and --print-routes use
/// it.
std::span<const route> all_routes();

/// What other nodes of the cluster may ask, on a listener of their own.
std::span<const route> bulk_routes();

/// What is counted for one route.
struct route_meter {
  std::array<metrics::counter*, 6> by_class; ///< Index 2 is 2xx and so on.
  metrics::histogram* seconds;
};

/// Finds the route and runs its handler, or answers with the error itself.
class router {
public:
  router(metrics::registry& metrics, std::span<const route> routes);

  task<> handle(exchange& ex) const;

  /// For who answers requests of a GET route elsewhere. @param path as in the list of routes.
  route_meter meter_of(std::string_view path) const;

private:
  struct compiled {
    const route* what;
    std::vector<std::string_view> segments;
    route_meter counted;
  };

  const compiled* find(exchange& ex, std::vector<std::string_view>& allowed) const;
  task<> refuse(exchange& ex, dialect errors, const error& err) const;
  task<> forbid(exchange& ex, const route& r) const;
  static bool match(const compiled& candidate, std::string_view path, exchange& ex);

  std::vector<compiled> routes_;
};

} // namespace shoal::http
