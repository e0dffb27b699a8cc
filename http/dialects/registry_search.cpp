// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/registry_json.hpp"

namespace shoal::http {

namespace {

/// Asks every shard for its best entries, and merges those into one page.
task<result<search_page>> search_all(exchange& ex, search_query query) {
  if (auto* cluster = ex.node().shared_registry()) {
    auto page = co_await ex.ask<search_page>(cluster->reader(), std::move(query), true);
    co_return page;
  }
  auto asked = query;
  asked.limit += static_cast<uint32_t>(query.offset);
  asked.offset = 0;
  std::vector<std::pair<registry_shard_actor, search_query>> questions;
  for (auto& shard : ex.node().registry())
    questions.emplace_back(shard, asked);
  auto replies = co_await ex.ask_all<search_result>(std::move(questions), true);
  std::vector<search_result> parts;
  for (auto& reply : replies) {
    // A part of the matches would look like all of them.
    if (!reply)
      co_return tl::unexpected{reply.error()};
    parts.push_back(std::move(*reply));
  }
  co_return search_page{merge(std::move(parts), query.offset, query.limit), true, 0};
}

/// Reads the entries of a page; those that were taken down since the search are left out.
task<nlohmann::ordered_json> items_of(exchange& ex, const search_result& page) {
  std::vector<std::string> keys;
  for (auto& hit : page.hits)
    keys.push_back(hit.key);
  auto entries = co_await entries_of(ex, std::move(keys));
  auto items = nlohmann::ordered_json::array();
  for (auto& entry : entries)
    items.push_back(to_json(entry));
  co_return items;
}

} // namespace

task<> registry_search(exchange& ex) {
  auto params = ex.params();
  auto query = params ? parse_search(*params) : tl::unexpected{params.error()};
  if (!query) {
    co_await ex.send(registry_error(query.error()));
    co_return;
  }
  auto page = co_await search_all(ex, std::move(*query));
  if (!page) {
    co_await ex.send(registry_error(page.error()));
    co_return;
  }
  auto items = co_await items_of(ex, page->found);
  auto answer
      = json(200, dump_json(items)).with("X-Total-Count", std::to_string(page->found.total));
  if (!page->exact)
    answer.headers.emplace_back("X-Shoal-Staleness", std::to_string(page->staleness_s));
  co_await ex.send(std::move(answer));
}

} // namespace shoal::http
