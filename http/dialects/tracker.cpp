// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/handlers.hpp"
#include "protocol/announce.hpp"
#include "protocol/announce_reply.hpp"
#include "protocol/scrape.hpp"

#include <fmt/format.h>

#include <limits>

namespace shoal::http {

namespace {

/// Writes a whole answer: the status is 200 even for failures, as clients do not read the body of
/// another. No Date and no CORS headers: clients need neither, and announces are most of the load.
task<> reply(exchange& ex, std::string_view body) {
  std::string bytes;
  bytes.reserve(128 + body.size());
  fmt::format_to(std::back_inserter(bytes),
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{}\r\n",
                 body.size(), ex.keep_alive() ? "" : "Connection: close\r\n");
  if (ex.verb() != method::head)
    bytes += body;
  co_await ex.send_raw(bytes);
}

task<> refuse(exchange& ex, refusal why) {
  ex.srv().gate.count_refusal(transport::http, why.kind);
  std::string body;
  append_failure(body, why.reason, why.retry_in);
  co_await reply(ex, body);
}

announce_request request_of(const exchange& ex, const announce_query& query, std::string user) {
  announce_request req;
  req.swarm = query.swarm;
  req.peer = {ex.client(), query.port};
  req.id = query.peer;
  req.identity = ex.srv().gate.identity_of(query.peer, query.key);
  req.uploaded = query.uploaded_bytes;
  req.downloaded = query.downloaded_bytes;
  req.left = query.left_bytes;
  req.event = query.event;
  req.numwant = ex.srv().gate.clamp_numwant(query.numwant);
  req.with_ids = !query.compact && !query.no_peer_id;
  req.user = std::move(user);
  return req;
}

uint32_t clamp_count(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, std::numeric_limits<uint32_t>::max()));
}

/// @param answer empty if the swarm did not answer in time: the client gets a valid reply that
/// makes it come back.
std::string announce_body(const exchange& ex, const announce_query& query,
                          const std::optional<announce_reply>& answer) {
  auto& config = ex.srv().gate.config();
  announce_reply_view view;
  view.external_ip = ex.client();
  view.interval = std::chrono::seconds{answer ? answer->interval_s : config.interval_s};
  view.min_interval = std::min(view.interval, std::chrono::seconds{config.interval_min_s});
  if (answer) {
    view.complete = answer->complete;
    view.incomplete = answer->incomplete;
    view.downloaded = clamp_count(answer->downloaded);
    view.peers = answer->peers4;
    view.peers6 = answer->peers6;
    view.peer_ids = answer->ids;
  }
  std::string body;
  if (query.compact)
    append_announce_reply(body, view);
  else
    append_announce_reply_list(body, view, query.no_peer_id);
  return body;
}

using question = std::pair<swarm_actor, scrape_swarm>;

/// What a scrape may be told about, and whom to ask for it.
struct scrape_plan {
  std::vector<scrape_entry> entries;
  std::vector<question> questions;
  std::vector<size_t> asked; ///< Per question, the entry that waits for it.
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
    if (known.swarm) {
      plan.asked.push_back(plan.entries.size());
      plan.questions.emplace_back(known.swarm, scrape_swarm{swarm});
    }
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
  auto replies = co_await ex.ask_all<swarm_numbers>(std::move(plan.questions));
  for (size_t i = 0; i < replies.size(); ++i)
    if (replies[i]) // One that went to sleep meanwhile has no peers.
      apply(*replies[i], plan.entries[plan.asked[i]]);
  std::string body;
  append_scrape_reply(body, plan.entries);
  co_return body;
}

} // namespace

task<> announce(exchange& ex) {
  auto start = mono_now();
  auto& gate = ex.srv().gate;
  auto user = gate.admit(ex.client(), ex.param("passkey"), start);
  if (!user) {
    co_await refuse(ex, std::move(user.error()));
    co_return;
  }
  auto query = parse_announce(ex.query());
  if (!query) {
    refusal why{refusal_kind::bad_announce, "Invalid announce: " + query.error().detail, {}};
    co_await refuse(ex, std::move(why));
    co_return;
  }
  auto known = gate.enter(query->swarm);
  if (!known) {
    co_await refuse(ex, std::move(known.error()));
    co_return;
  }
  auto req = request_of(ex, *query, std::move(*user));
  auto answer = co_await ex.announce(std::move(req), std::move(known->swarm));
  gate.count_announce(transport::http, ex.client().family);
  if (!answer)
    gate.count_unanswered();
  auto body = announce_body(ex, *query, answer);
  co_await reply(ex, body);
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(mono_now() - start);
  gate.observe_announce(transport::http, static_cast<uint64_t>(took.count()));
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
