// SPDX-License-Identifier: Apache-2.0
// Hugging Face's lists of models, datasets and spaces.
#include "http/dialects/handlers.hpp"
#include "http/dialects/hub_access.hpp"
#include "http/dialects/hub_json.hpp"
#include "http/dialects/hub_listing.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"

#include <algorithm>
#include <map>

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// A model and what the registry says of it.
struct candidate {
  revision what;
  registry_entry entry;
};

/// What one look at the catalog brings.
struct candidates {
  std::vector<candidate> all;
  bool has_more = false;
};

task<result<candidates>> look(exchange& ex, browse_models ask) {
  auto page = co_await ex.ask<model_page>(ex.node().catalog(), std::move(ask), true);
  if (!page)
    co_return tl::unexpected{page.error()};
  std::vector<std::string> keys;
  for (auto& model : page->models)
    keys.push_back(model.entry_key);
  auto entries = co_await entries_of(ex, std::move(keys));
  std::map<std::string, registry_entry*> by_key;
  for (auto& entry : entries)
    by_key[entry.hashes.primary_key()] = &entry;
  candidates found{{}, page->has_more};
  for (auto& model : page->models) {
    auto entry = by_key.find(model.entry_key);
    found.all.push_back({std::move(model), {}});
    if (entry != by_key.end())
      found.all.back().entry = *entry->second;
  }
  co_return found;
}

task<document> item_of(exchange& ex, const models_ask& ask, const candidate& x) {
  hub_repository shown{x.what, &x.entry};
  std::shared_ptr<const manifest> files;
  if (ask.with_commit) {
    auto commit = co_await commit_of(ex, x.what);
    shown.commit = commit ? commit->hex() : "";
  }
  if (ask.with_files) {
    auto loaded = co_await load_manifest(ex, x.what.manifest);
    files = loaded ? *loaded : nullptr;
    shown.files = files.get();
  }
  auto doc = repository_json(shown);
  keep_only(doc, ask.fields);
  co_return doc;
}

/// The models of one answer and the cursor of the next.
struct models_page {
  document items = document::array();
  std::string next;
};

/// Goes through the catalog until the page is full; a filter may leave it short, but not the work
/// for it without bounds.
task<result<models_page>> walk(exchange& ex, models_ask ask) {
  models_page made;
  auto wanted = ask.page.limit;
  if (!ask.tags.empty())
    ask.page.limit = std::max(wanted, limits::hub_details_page_max);
  size_t scanned = 0;
  for (;;) {
    auto found = co_await look(ex, ask.page);
    if (!found)
      co_return tl::unexpected{found.error()};
    for (auto& x : found->all) {
      if (made.items.size() == wanted)
        co_return made;
      ++scanned;
      ask.page.after_value = sort_value(ask.page.order, x.what);
      ask.page.after_id = x.what.id;
      made.next = cursor_behind(ask.page.order, x.what);
      if (!has_tags(tags_of(x.entry), ask.tags))
        continue;
      auto item = co_await item_of(ex, ask, x);
      made.items.push_back(std::move(item));
    }
    if (!found->has_more)
      made.next.clear();
    if (!found->has_more || made.items.size() == wanted || scanned >= limits::hub_scanned_max)
      co_return made;
  }
}

/// Sorts all models at once by what the registry counts.
/// @returns nothing if there are too many.
task<result<std::optional<models_page>>> by_downloads(exchange& ex, models_ask ask) {
  auto all = ask.page;
  all.limit = limits::hub_scanned_max;
  all.after_id.clear();
  auto found = co_await look(ex, std::move(all));
  if (!found)
    co_return tl::unexpected{found.error()};
  if (found->has_more)
    co_return std::nullopt;
  std::erase_if(found->all, [&](auto& x) { return !has_tags(tags_of(x.entry), ask.tags); });
  std::stable_sort(found->all.begin(), found->all.end(),
                   [](auto& a, auto& b) { return a.entry.completions > b.entry.completions; });
  models_page made;
  auto first = ask.page.after_id.empty() ? size_t{0} : static_cast<size_t>(ask.page.after_value);
  for (auto i = first; i < found->all.size(); ++i) {
    if (made.items.size() == ask.page.limit) {
      made.next = std::to_string(i) + ":rank";
      break;
    }
    auto item = co_await item_of(ex, ask, found->all[i]);
    made.items.push_back(std::move(item));
  }
  co_return made;
}

task<result<models_page>> make_page(exchange& ex, models_ask ask, response& answer) {
  if (ask.by_downloads) {
    auto sorted = co_await by_downloads(ex, ask);
    if (!sorted)
      co_return tl::unexpected{sorted.error()};
    if (*sorted)
      co_return std::move(**sorted);
    answer.headers.emplace_back("X-HF-Warning",
                                "sort; too many models to sort them by downloads: latest first");
  }
  auto walked = co_await walk(ex, std::move(ask));
  co_return walked;
}

task<> list(exchange& ex, std::string kind) {
  auto params = ex.params();
  auto ask = params.and_then([&](auto& all) { return read_models_ask(all, std::move(kind)); });
  hub_reply reply = json(200, "");
  result<models_page> made = ask ? models_page{} : result<models_page>{tl::unexpected{ask.error()}};
  if (ask)
    made = co_await make_page(ex, std::move(*ask), *reply);
  if (!made)
    reply = tl::unexpected{hub_trouble(made.error())};
  else
    reply->body = dump_json(made->items);
  if (made && !made->next.empty()) {
    auto url = ex.base_url() + std::string{ex.path()} + '?' + next_query(ex.query(), made->next);
    reply->headers.emplace_back("Link", next_link(url));
  }
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

} // namespace

task<> hub_models(exchange& ex) {
  return list(ex, "model");
}

task<> hub_datasets(exchange& ex) {
  return list(ex, "dataset");
}

task<> hub_spaces(exchange& ex) {
  return list(ex, "space");
}

} // namespace shoal::http
