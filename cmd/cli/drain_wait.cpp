// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/drain_wait.hpp"

#include "cmd/cli/output.hpp"
#include "core/clock.hpp"

#include <fmt/format.h>

#include <optional>
#include <thread>
#include <utility>

namespace shoal::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto poll_period = 200ms;

struct holding {
  uint64_t owned = 0;
  uint64_t stood_by = 0;

  bool operator==(const holding&) const = default;
};

/// @returns what the node still has, as the server sees it; nothing at all if it is not there.
holding holding_of(const nlohmann::json& doc, const std::string& node) {
  if (doc.is_object() && doc.contains("nodes"))
    for (auto& one : doc["nodes"])
      if (member_text(one, "id") == node)
        return {member_number(one, "slots_owned"), member_number(one, "slots_standing_by")};
  return {};
}

/// @returns why nothing moves; empty: it may.
std::string obstacle_in(const nlohmann::json& doc, const std::string& server) {
  auto etcd = doc.is_object() ? doc.value("etcd", nlohmann::json{}) : nlohmann::json{};
  auto lost = etcd.is_object() && etcd.contains("reachable") && etcd["reachable"] == false;
  return lost ? server + " does not reach etcd, and without it no slot moves" : std::string{};
}

failure still_holds(const std::string& node, unsigned timeout_s, const holding& last,
                    const std::string& obstacle) {
  auto text = fmt::format("after {} s {} still owns {} slots and stands by for {}", timeout_s,
                          safe_text(node), last.owned, last.stood_by);
  return {exit_code::refused, obstacle.empty() ? text : text + ": " + obstacle};
}

} // namespace

outcome<void> wait_until_drained(const context& ctx, http_client& client, const std::string& node,
                                 unsigned timeout_s) {
  auto give_up_at = mono_now() + std::chrono::seconds{timeout_s};
  std::optional<holding> last;
  std::string obstacle;
  for (;;) {
    if (auto doc = client.fetch_json("/api/cluster")) {
      auto now = holding_of(*doc, node);
      if (now == holding{})
        return {};
      if (ctx.wants_progress() && last != now)
        fmt::print(stderr, "{} owns {} slots and stands by for {}\n", safe_text(node), now.owned,
                   now.stood_by);
      last = now;
      auto before = std::exchange(obstacle, obstacle_in(*doc, client.base_url()));
      if (!ctx.quiet && !obstacle.empty() && obstacle != before)
        fmt::print(stderr, "waits: {}\n", obstacle);
    } else if (doc.error().code == exit_code::refused) {
      return tl::unexpected<failure>(doc.error());
    }
    if (mono_now() >= give_up_at)
      return tl::unexpected<failure>(
          still_holds(node, timeout_s, last.value_or(holding{}), obstacle));
    std::this_thread::sleep_for(poll_period);
  }
}

} // namespace shoal::cli
