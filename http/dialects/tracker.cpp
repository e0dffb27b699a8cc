// SPDX-License-Identifier: Apache-2.0
#include "http/credentials.hpp"
#include "http/dialects/announce_access.hpp"
#include "http/dialects/handlers.hpp"
#include "protocol/announce.hpp"
#include "protocol/announce_reply.hpp"
#include "protocol/scrape.hpp"

#include <fmt/format.h>

#include <limits>

namespace shoal::http {

namespace {

using retry = std::optional<std::chrono::minutes>;

/// A refusal and what it counts as.
struct refusal {
  std::string reason;
  metrics::counter* counter = nullptr;
  retry retry_in;
};

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
  why.counter->add();
  std::string body;
  append_failure(body, why.reason, why.retry_in);
  co_await reply(ex, body);
}

/// The checks that come before the query is looked at.
/// @returns the account of the caller, empty for nobody's.
tl::expected<std::string, refusal> admit(const exchange& ex) {
  auto& counted = ex.srv().metrics;
  if (!within_rate(ex))
    return tl::unexpected{refusal{"Rate limit exceeded. Please slow down.", &counted.rate_limited,
                                  std::chrono::minutes{1}}};
  auto user = check_passkey(ex.config().tracker_secrets, ex.param("passkey"));
  if (!user)
    return tl::unexpected{refusal{user.error().detail, &counted.unauthorized, {}}};
  return std::move(*user);
}

/// @returns why nobody may join the swarm, or nothing.
std::optional<refusal> refuse_swarm(const exchange& ex, const admission& known) {
  auto& counted = ex.srv().metrics;
  if (known.blocked)
    return refusal{"info_hash is blocked", &counted.blocked, retry_never};
  if (!known.registered && !ex.config().open_tracker)
    return refusal{
        "Unregistered torrent: info_hash not found in registry", &counted.unregistered, {}};
  return std::nullopt;
}

/// The same number for the same client on any of its addresses.
uint64_t identity_of(const exchange& ex, const announce_query& query) {
  std::array<uint8_t, peer_id::size_bytes + 1 + limits::announce_key_bytes_max> bytes;
  auto end = std::copy(query.peer.bytes.begin(), query.peer.bytes.end(), bytes.begin());
  *end++ = 0;
  auto key = as_bytes(query.key);
  end = std::copy_n(key.begin(), std::min(key.size(), limits::announce_key_bytes_max), end);
  return keyed_hash(ex.node().secret(), {bytes.begin(), end});
}

announce_request request_of(const exchange& ex, const announce_query& query, std::string user) {
  announce_request req;
  req.swarm = query.swarm;
  req.peer = {ex.client(), query.port};
  req.id = query.peer;
  req.identity = identity_of(ex, query);
  req.uploaded = query.uploaded_bytes;
  req.downloaded = query.downloaded_bytes;
  req.left = query.left_bytes;
  req.event = query.event;
  req.numwant = std::min(query.numwant.value_or(defaults::numwant), ex.config().max_peers);
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
  auto& config = ex.config();
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
    if (known.blocked || (!known.registered && !ex.config().open_tracker))
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
  auto& counted = ex.srv().metrics;
  auto user = admit(ex);
  if (!user) {
    co_await refuse(ex, std::move(user.error()));
    co_return;
  }
  auto query = parse_announce(ex.query());
  if (!query) {
    refusal why{"Invalid announce: " + query.error().detail, &counted.bad_announce, {}};
    co_await refuse(ex, std::move(why));
    co_return;
  }
  auto known = ex.node().directory().lookup(query->swarm);
  if (auto why = refuse_swarm(ex, known)) {
    co_await refuse(ex, std::move(*why));
    co_return;
  }
  auto req = request_of(ex, *query, std::move(*user));
  auto answer = co_await ex.announce(std::move(req), std::move(known.swarm));
  counted.announces.add();
  if (!answer)
    counted.unanswered.add();
  auto body = announce_body(ex, *query, answer);
  co_await reply(ex, body);
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(mono_now() - start);
  counted.announce_seconds.observe_us(static_cast<uint64_t>(took.count()));
}

task<> scrape(exchange& ex) {
  auto& counted = ex.srv().metrics;
  auto user = admit(ex);
  if (!user) {
    co_await refuse(ex, std::move(user.error()));
    co_return;
  }
  auto hashes = parse_scrape(ex.query());
  if (!hashes) {
    refusal why{"Invalid scrape: " + hashes.error().detail, &counted.bad_announce, {}};
    co_await refuse(ex, std::move(why));
    co_return;
  }
  auto body = co_await scrape_body(ex, std::move(*hashes));
  counted.scrapes.add();
  co_await reply(ex, body);
}

} // namespace shoal::http
