// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/announce_answer.hpp"
#include "http/dialects/handlers.hpp"
#include "protocol/announce_reply.hpp"
#include "protocol/scrape.hpp"

#include <limits>

namespace shoal::http {

namespace {

/// Writes a whole answer.
task<> reply(exchange& ex, std::string_view body) {
  std::string bytes;
  bytes.reserve(128 + body.size());
  append_tracker_head(bytes, body.size(), ex.keep_alive());
  if (ex.verb() != method::head)
    bytes += body;
  ex.srv().gate.count_bytes(transport::http, ex.head_bytes(), bytes.size());
  co_await ex.send_raw(bytes);
}

task<> refuse(exchange& ex, refusal why) {
  ex.srv().gate.count_refusal(transport::http, why.kind);
  std::string body;
  append_failure(body, why.reason, why.retry_in);
  co_await reply(ex, body);
}

uint32_t clamp_count(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, std::numeric_limits<uint32_t>::max()));
}

/// What a scrape may be told about, and whom to ask for it.
struct scrape_plan {
  std::vector<scrape_entry> entries;
  std::vector<scraped_swarm> asked; ///< Indices are those of the entries.
};

scrape_plan plan_scrape(const exchange& ex, const std::vector<swarm_hash>& hashes) {
  scrape_plan plan;
  auto& directory = ex.node().directory();
  for (auto& hash : hashes) {
    auto swarm = hash.truncated();
    auto known = directory.lookup(swarm);
    if (known.blocked || (!known.registered && !ex.srv().gate.config().open))
      continue;
    scrape_entry entry;
    entry.hash = hash;
    // A swarm without peers sleeps, but its completions are not forgotten.
    if (auto registered = known.registered ? directory.registration_of(swarm) : nullptr)
      entry.downloaded = clamp_count(registered->completions);
    auto index = static_cast<uint32_t>(plan.entries.size());
    if (auto asked = ex.plan_scrape(index, swarm, std::move(known.swarm)))
      plan.asked.push_back(std::move(*asked));
    plan.entries.push_back(entry);
  }
  return plan;
}

void apply(const swarm_numbers& numbers, scrape_entry& entry) {
  entry.complete = numbers.complete;
  entry.downloaded = std::max(entry.downloaded, clamp_count(numbers.downloaded));
  entry.downloaders = numbers.downloaders;
  entry.incomplete = numbers.incomplete;
}

task<std::string> scrape_body(exchange& ex, std::vector<swarm_hash> hashes) {
  auto plan = plan_scrape(ex, hashes);
  // One that goes to sleep meanwhile has no peers.
  std::vector<swarm_numbers> numbers(plan.entries.size());
  std::span<swarm_numbers> places{numbers};
  co_await ex.scrape(std::move(plan.asked), places);
  for (size_t i = 0; i < numbers.size(); ++i)
    apply(numbers[i], plan.entries[i]);
  std::string body;
  append_scrape_reply(body, plan.entries);
  co_return body;
}

} // namespace

task<> announce(exchange& ex) {
  if (wants_websocket(ex)) {
    co_await open_websocket(ex);
    co_return;
  }
  auto start = mono_now();
  auto& gate = ex.srv().gate;
  auto accepted = accept_announce(gate, ex.client(), ex.param("passkey"), ex.query(), start);
  if (!accepted) {
    co_await refuse(ex, std::move(accepted.error()));
    co_return;
  }
  auto outcome = inquiry_outcome::registered;
  if (accepted->in_doubt)
    outcome = co_await ex.inquire(accepted->request.swarm);
  if (outcome == inquiry_outcome::unregistered) {
    co_await refuse(ex, tracker_gate::unregistered());
    co_return;
  }
  std::optional<announce_reply> answer;
  if (outcome == inquiry_outcome::registered)
    answer = co_await ex.announce(std::move(accepted->request), std::move(accepted->swarm));
  count_announce(gate, accepted->form, answer.has_value());
  std::string body;
  append_announce_body(body, gate, accepted->form, answer ? &*answer : nullptr);
  co_await reply(ex, body);
  gate.observe_announce(transport::http, elapsed_us(start, mono_now()));
}

task<> scrape(exchange& ex) {
  auto& gate = ex.srv().gate;
  auto user = gate.admit(ex.client(), ex.param("passkey"), mono_now());
  if (!user) {
    co_await refuse(ex, std::move(user.error()));
    co_return;
  }
  auto hashes = parse_scrape(ex.query());
  if (!hashes) {
    refusal why{refusal_kind::bad_announce, "Invalid scrape: " + hashes.error().detail, {}};
    co_await refuse(ex, std::move(why));
    co_return;
  }
  auto body = co_await scrape_body(ex, std::move(*hashes));
  gate.count_scrape(transport::http);
  co_await reply(ex, body);
}

} // namespace shoal::http
