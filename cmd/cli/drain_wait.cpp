// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/drain_wait.hpp"

#include "cmd/cli/output.hpp"
#include "core/clock.hpp"

#include <fmt/format.h>

#include <optional>
#include <thread>

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

} // namespace

outcome<void> wait_until_drained(const context& ctx, http_client& client, const std::string& node,
                                 unsigned timeout_s) {
  auto give_up_at = mono_now() + std::chrono::seconds{timeout_s};
  std::optional<holding> last;
  for (;;) {
    if (auto doc = client.fetch_json("/api/cluster")) {
      auto now = holding_of(*doc, node);
      if (now == holding{})
        return {};
      if (ctx.wants_progress() && last != now)
        fmt::print(stderr, "{} owns {} slots and stands by for {}\n", safe_text(node), now.owned,
                   now.stood_by);
      last = now;
    } else if (doc.error().code == exit_code::refused) {
      return tl::unexpected<failure>(doc.error());
    }
    if (mono_now() >= give_up_at)
      return refuse(exit_code::refused,
                    fmt::format("after {} s {} still owns {} slots and stands by for {}", timeout_s,
                                safe_text(node), last.value_or(holding{}).owned,
                                last.value_or(holding{}).stood_by));
    std::this_thread::sleep_for(poll_period);
  }
}

} // namespace shoal::cli
