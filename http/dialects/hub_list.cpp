// SPDX-License-Identifier: Apache-2.0
// Hugging Face's lists of models, datasets and spaces.
#include "http/dialects/hub_list.hpp"

#include "http/dialects/handlers.hpp"
#include "http/dialects/hub_access.hpp"
#include "http/dialects/hub_json.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/registry_json.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"
#include "protocol/percent.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace shoal::http {

namespace {

using document = nlohmann::json;

tl::unexpected<error> bad(std::string what) {
  return fail(ec::invalid_argument, std::move(what));
}

/// How models can be sorted, downwards and upwards.
struct sorting {
  std::string_view name;
  model_order down, up;
};

constexpr std::array sortings{
    sorting{"lastModified", model_order::latest, model_order::oldest},
    sorting{"last_modified", model_order::latest, model_order::oldest},
    sorting{"createdAt", model_order::latest, model_order::oldest},
    sorting{"created_at", model_order::latest, model_order::oldest},
    sorting{"mainSize", model_order::largest, model_order::smallest},
    sorting{"id", model_order::by_id_backwards, model_order::by_id},
};

model_order order_of(const query_params& params) {
  auto name = params.get("sort").value_or("");
  auto found
      = std::find_if(sortings.begin(), sortings.end(), [&](auto& s) { return s.name == name; });
  if (found == sortings.end())
    return model_order::latest;
  // Names are read from A to Z unless told otherwise; all else begins with the most.
  auto direction = params.get("direction").value_or(name == "id" ? "1" : "-1");
  return direction == "-1" ? found->down : found->up;
}

result<void> read_cursor(const query_params& params, browse_models& page) {
  auto text = params.get("cursor");
  if (!text)
    return {};
  auto colon = std::min(text->find(':'), text->size());
  auto* end = text->data() + colon;
  auto [stop, failed] = std::from_chars(text->data(), end, page.after_value);
  if (failed != std::errc{} || stop != end || colon + 1 >= text->size())
    return bad("this cursor is not from here");
  page.after_id = text->substr(colon + 1);
  return {};
}

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

result<models_ask> read_models_ask(const query_params& params, std::string kind) {
  models_ask ask;
  ask.page.kind = std::move(kind);
  ask.page.search = params.get("search").value_or("");
  ask.page.author = params.get("author").value_or("");
  ask.page.order = order_of(params);
  ask.by_downloads = params.get("sort") == "downloads";
  ask.fields = expanded_fields(params);
  for (auto name : {"filter", "pipeline_tag", "library"})
    for (auto& value : params.all(name))
      ask.tags.push_back(value);
  auto wants = [&](std::string_view field) {
    return is_set(params, "full")
           || std::find(ask.fields.begin(), ask.fields.end(), field) != ask.fields.end();
  };
  ask.with_commit = wants("sha");
  ask.with_files = wants("siblings");
  auto most = ask.with_commit || ask.with_files ? limits::hub_details_page_max
                                                : limits::hub_models_page_max;
  auto text = params.get("limit");
  auto limit = text ? parse_number(*text) : most;
  if (!limit || *limit == 0)
    return bad("limit is a number from 1");
  ask.page.limit = static_cast<uint32_t>(std::min<uint64_t>(*limit, most));
  return read_cursor(params, ask.page).map([&] { return ask; });
}

std::string cursor_behind(model_order order, const revision& last) {
  return std::to_string(sort_value(order, last)) + ':' + last.id;
}

std::string next_query(std::string_view query, std::string_view cursor) {
  std::string next;
  for (auto& field : query_view{query}) {
    if (field.name == "cursor")
      continue;
    next.append(field.name);
    if (field.has_value)
      next.append("=").append(field.value);
    next += '&';
  }
  return next + "cursor=" + percent_encode(cursor);
}

bool has_tags(const std::vector<std::string>& tags, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](auto& tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  });
}

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
