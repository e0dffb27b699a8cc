// SPDX-License-Identifier: Apache-2.0
// How a revision is doing and where a client of hf-bt begins.
#include "http/dialects/announce_access.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "http/dialects/torrent_links.hpp"
#include "http/json_body.hpp"

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// Reads `model` and `rev`. @errors ec::missing_argument, ec::invalid_argument.
result<lookup_revision> revision_params(const exchange& ex) {
  auto params = ex.params();
  if (!params)
    return tl::unexpected{params.error()};
  lookup_revision ask{params->get("model").value_or(""), params->get("rev").value_or("")};
  if (ask.id.empty() || ask.rev.empty())
    return fail(ec::missing_argument, ask.id.empty() ? "model" : "rev");
  return ask;
}

task<result<revision>> asked_revision(exchange& ex) {
  auto ask = revision_params(ex);
  if (!ask)
    co_return tl::unexpected{ask.error()};
  auto found = co_await find_revision(ex, std::move(ask->id), std::move(ask->rev));
  if (!found)
    co_return tl::unexpected{unless_behind(ex, std::move(found.error()))};
  co_return found;
}

/// The whole copies among the peers. What leechers hold is unknown to a tracker, so without a
/// seeder nothing is said about them.
std::optional<uint32_t> known_copies(const registry_entry& entry) {
  if (entry.seeders == 0 && entry.leechers > 0)
    return std::nullopt;
  return entry.seeders;
}

} // namespace

task<> bootstrap(exchange& ex) {
  auto found = co_await asked_revision(ex);
  if (!found) {
    co_await ex.send(json_error(found.error()));
    co_return;
  }
  // Constants of the source system; its clients expect them.
  document parameters{
      {"peerDegreeK", 48}, {"redundantProvidersN", 2}, {"bootstrapRefreshSeconds", 30}};
  document doc{
      {"modelId", found->id},        {"rev", found->rev},
      {"peers", document::array()},  {"trackers", tracker_list(urls_of(ex), passkey_of_query(ex))},
      {"relays", document::array()}, {"parameters", std::move(parameters)}};
  co_await ex.send(json(200, dump_json(doc)));
}

task<> swarm_health(exchange& ex) {
  auto found = co_await asked_revision(ex);
  if (!found) {
    co_await ex.send(json_error(found.error()));
    co_return;
  }
  // The primary swarm counts the peers of all the revision's swarms, each once.
  auto entry = co_await load_entry(ex, found->entry_key);
  if (!entry) {
    co_await ex.send(json_error(entry.error()));
    co_return;
  }
  document doc{{"modelId", found->id},
               {"rev", found->rev},
               {"activePeers", uint64_t{entry->seeders} + entry->leechers},
               {"seeders", entry->seeders}};
  if (auto copies = known_copies(*entry))
    doc["availability"] = *copies;
  co_await ex.send(json(200, dump_json(doc)));
}

} // namespace shoal::http
