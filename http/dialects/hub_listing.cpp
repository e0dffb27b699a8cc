// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_listing.hpp"

#include "core/limits.hpp"
#include "http/dialects/hub_path.hpp"
#include "http/json_body.hpp"
#include "protocol/percent.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace shoal::http {

namespace {

constexpr uint32_t tree_page_default = 1000;

tl::unexpected<error> bad(std::string what) {
  return fail(ec::invalid_argument, std::move(what));
}

/// @returns the parameter "limit", at most `most`. @errors ec::invalid_argument.
result<uint32_t> limit_of(const query_params& params, uint32_t fallback, uint32_t most) {
  auto text = params.get("limit");
  if (!text)
    return fallback;
  uint64_t limit = 0;
  auto* end = text->data() + text->size();
  auto [stop, failed] = std::from_chars(text->data(), end, limit);
  if (failed != std::errc{} || stop != end || limit == 0)
    return bad("limit is a number from 1");
  return static_cast<uint32_t>(std::min<uint64_t>(limit, most));
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

result<paths_ask> read_form(std::string_view body) {
  paths_ask ask;
  for (auto& field : query_view{body}) {
    auto value = form_decode(field.value);
    if (!value)
      return bad("a bad escape in the form");
    if (field.name == "expand")
      ask.expand = text::equals_nocase(*value, "true") || *value == "1";
    else if (field.name == "paths" || field.name == "paths%5B%5D" || field.name == "paths[]")
      ask.paths.push_back(std::move(*value));
  }
  return ask;
}

result<paths_ask> read_json(std::string_view body) {
  auto doc = parse_json(body);
  if (!doc)
    return tl::unexpected{doc.error()};
  paths_ask ask;
  auto paths = doc->is_object() ? doc->find("paths") : doc->end();
  if (!doc->is_object() || paths == doc->end() || !(paths->is_array() || paths->is_string()))
    return bad("paths is a list of texts");
  if (paths->is_string())
    *paths = nlohmann::json::array({*paths});
  for (auto& path : *paths) {
    if (!path.is_string())
      return bad("paths is a list of texts");
    ask.paths.push_back(std::move(path.get_ref<std::string&>()));
  }
  auto expand = doc->find("expand");
  ask.expand = expand != doc->end() && expand->is_boolean() && expand->get<bool>();
  return ask;
}

} // namespace

result<tree_ask> read_tree_ask(const query_params& params) {
  tree_ask ask;
  ask.recursive = is_set(params, "recursive");
  ask.expand = is_set(params, "expand");
  ask.cursor = params.get("cursor").value_or("");
  return limit_of(params, tree_page_default, limits::hub_tree_page_max).map([&](uint32_t limit) {
    ask.limit = limit;
    return ask;
  });
}

std::optional<tree_list> list_tree(const manifest& m, const git_snapshot& snapshot,
                                   std::string_view folder, const tree_ask& ask) {
  size_t first = 0, end = snapshot.entries.size();
  if (!folder.empty()) {
    auto* entry = snapshot.find(m, folder);
    if (!entry || !git_snapshot::is_folder(m, *entry))
      return std::nullopt;
    first = static_cast<size_t>(entry - snapshot.entries.data());
    end = snapshot.next_sibling(m, first++);
  }
  if (!ask.cursor.empty())
    first = std::max(first, snapshot.lower_bound(m, ask.cursor));
  tree_list list;
  while (first < end && list.entries.size() < ask.limit) {
    list.entries.push_back(first);
    first = ask.recursive ? first + 1 : snapshot.next_sibling(m, first);
  }
  if (first < end)
    list.next = git_snapshot::key(m, snapshot.entries[first]);
  return list;
}

result<paths_ask> read_paths_ask(std::string_view content_type, std::string_view body) {
  auto is_form = text::starts_with_nocase(content_type, "application/x-www-form-urlencoded");
  auto ask = is_form ? read_form(body) : read_json(body);
  if (ask && ask->paths.size() > limits::hub_tree_page_max)
    return fail(ec::too_large, "more paths than " + std::to_string(limits::hub_tree_page_max));
  return ask;
}

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
  auto limit = limit_of(params, most, most);
  if (!limit)
    return tl::unexpected{limit.error()};
  ask.page.limit = *limit;
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

} // namespace shoal::http
