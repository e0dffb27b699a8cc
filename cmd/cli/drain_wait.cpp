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
  bool has_slots = true;
  std::optional<uint64_t> objects; ///< That others are to have yet, once it has no slots.

  bool is_empty() const { return !has_slots && objects == uint64_t{0}; }
  bool operator==(const holding&) const = default;
};

/// @returns what the node still has, as the server sees it; nothing if it is not there.
std::optional<holding> slots_in(const nlohmann::json& doc, const std::string& node) {
  if (!doc.is_object() || !doc.contains("nodes"))
    return std::nullopt;
  for (auto& one : doc["nodes"]) {
    if (member_text(one, "id") != node)
      continue;
    holding has;
    has.owned = member_number(one, "slots_owned");
    has.stood_by = member_number(one, "slots_standing_by");
    has.has_slots = has.owned > 0 || has.stood_by > 0;
    return has;
  }
  return std::nullopt;
}

outcome<std::optional<holding>> holding_of(http_client& client, const nlohmann::json& doc,
                                           const std::string& node) {
  auto has = slots_in(doc, node);
  if (!has || has->has_slots)
    return has;
  auto told = client.fetch_json("/api/cluster/drain" + query_string({{"node", node}}));
  if (!told
      && told.error().http_status == 404) // It has gone meanwhile, or another server was asked.
    return std::optional<holding>{};
  if (!told)
    return tl::unexpected<failure>(told.error());
  if (told->is_object() && told->contains("objects") && (*told)["objects"].is_number_unsigned())
    has->objects = (*told)["objects"].get<uint64_t>();
  return has;
}

std::string to_text(const holding& x) {
  if (x.has_slots)
    return fmt::format("owns {} slots and stands by for {}", x.owned, x.stood_by);
  if (x.objects)
    return fmt::format("owns no slots and has {} objects that others lack", *x.objects);
  return "owns no slots and does not say yet what objects others lack";
}

/// @returns why nothing moves; empty: it may.
std::string obstacle_in(const nlohmann::json& doc, const std::string& server) {
  auto etcd = doc.is_object() ? doc.value("etcd", nlohmann::json{}) : nlohmann::json{};
  auto lost = etcd.is_object() && etcd.contains("reachable") && etcd["reachable"] == false;
  return lost ? server + " does not reach etcd, and without it no slot moves" : std::string{};
}

/// @param now what the node has; nothing if it is not there. @param last what it had when it was.
failure still_holds(const std::string& node, unsigned timeout_s, const std::optional<holding>& now,
                    const std::optional<holding>& last, const std::string& obstacle) {
  auto text = fmt::format("after {} s {} ", timeout_s, safe_text(node));
  if (now)
    text += "still " + to_text(*now);
  else
    text += "is not there, and may have what others lack"
            + (last ? "; when it was seen last, it " + to_text(*last) : std::string{});
  return {exit_code::refused, obstacle.empty() ? text : text + ": " + obstacle};
}

} // namespace

outcome<void> wait_until_drained(const context& ctx, http_client& client, const std::string& node,
                                 unsigned timeout_s) {
  auto give_up_at = mono_now() + std::chrono::seconds{timeout_s};
  std::optional<holding> last;
  std::optional<holding> now;
  bool is_missed = false;
  std::string obstacle;
  for (;;) {
    auto doc = client.fetch_json("/api/cluster");
    auto has = doc.and_then([&](auto& x) { return holding_of(client, x, node); });
    if (has) {
      now = *has;
      if (now && now->is_empty())
        return {};
      if (ctx.wants_progress() && now && last != now)
        fmt::print(stderr, "{} {}\n", safe_text(node), to_text(*now));
      // It lacks its lease, or the server has just begun: its objects are with it all the same.
      if (!std::exchange(is_missed, !now) && is_missed && !ctx.quiet)
        fmt::print(stderr, "waits: {} is not there\n", safe_text(node));
      if (now)
        last = now;
      auto before = std::exchange(obstacle, obstacle_in(*doc, client.base_url()));
      if (!ctx.quiet && !obstacle.empty() && obstacle != before)
        fmt::print(stderr, "waits: {}\n", obstacle);
    } else if (has.error().code == exit_code::refused && has.error().http_status < 500) {
      return tl::unexpected<failure>(has.error());
    }
    if (mono_now() >= give_up_at)
      return tl::unexpected<failure>(still_holds(node, timeout_s, now, last, obstacle));
    std::this_thread::sleep_for(poll_period);
  }
}

} // namespace shoal::cli
