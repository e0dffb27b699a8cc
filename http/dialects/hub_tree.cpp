// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_tree.hpp"

#include "http/dialects/registry_json.hpp"
#include "http/json_body.hpp"
#include "protocol/percent.hpp"
#include "protocol/text.hpp"

namespace shoal::http {

namespace {

using document = nlohmann::json;

constexpr uint32_t page_default = 1000;

std::string next_url(const exchange& ex, const tree_ask& ask, std::string_view next) {
  auto flag = [](bool x) { return x ? "true" : "false"; };
  return ex.base_url() + std::string{ex.path()} + "?recursive=" + flag(ask.recursive)
         + "&expand=" + flag(ask.expand) + "&limit=" + std::to_string(ask.limit)
         + "&cursor=" + percent_encode(next);
}

result<paths_ask> read_form(std::string_view body) {
  paths_ask ask;
  for (auto& field : query_view{body}) {
    auto value = form_decode(field.value);
    if (!value)
      return fail(ec::invalid_argument, "a bad escape in the form");
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
    return fail(ec::invalid_argument, "paths is a list of texts");
  if (paths->is_string())
    ask.paths.push_back(paths->get<std::string>());
  else
    for (auto& path : *paths) {
      if (!path.is_string())
        return fail(ec::invalid_argument, "paths is a list of texts");
      ask.paths.push_back(path.get<std::string>());
    }
  auto expand = doc->find("expand");
  ask.expand = expand != doc->end() && expand->is_boolean() && expand->get<bool>();
  return ask;
}

/// The entries of the paths that there are; the others are left out.
document known_paths(const hub_place& place, const git_snapshot& trees, const paths_ask& ask) {
  auto note = note_of(place, {});
  auto list = document::array();
  for (auto& path : ask.paths)
    if (auto* entry = trees.find(*place.files, path))
      list.push_back(entry_json(*place.files, *entry, ask.expand ? &note : nullptr));
  return list;
}

} // namespace

hub_commit note_of(const hub_place& place, std::string author) {
  return {place.commit, git_commit_message(place.files->id), place.what.created_at,
          std::move(author)};
}

result<tree_ask> read_tree_ask(const query_params& params) {
  tree_ask ask;
  ask.recursive = is_set(params, "recursive");
  ask.expand = is_set(params, "expand");
  ask.limit = page_default;
  ask.cursor = params.get("cursor").value_or("");
  auto text = params.get("limit");
  auto limit = text ? parse_number(*text) : page_default;
  if (!limit || *limit == 0)
    return fail(ec::invalid_argument, "limit is a number from 1");
  ask.limit = static_cast<uint32_t>(std::min<uint64_t>(*limit, limits::hub_tree_page_max));
  return ask;
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

task<hub_reply> tree_page(exchange& ex, hub_place place, query_params params) {
  auto ask = read_tree_ask(params);
  if (!ask)
    co_return tl::unexpected{hub_trouble(ask.error())};
  auto& m = *place.files;
  auto trees = co_await load_snapshot(ex, place.what.manifest, place.files);
  auto page = list_tree(m, *trees, place.path, *ask);
  if (!page)
    co_return tl::unexpected{entry_unknown(place.commit)};
  auto note = note_of(place, {});
  auto write = [&] {
    auto list = document::array();
    for (auto i : page->entries)
      list.push_back(entry_json(m, trees->entries[i], ask->expand ? &note : nullptr));
    return dump_json(list);
  };
  auto body = co_await ex.on_disk(write);
  auto answer = json(200, std::move(body));
  if (!page->next.empty())
    answer.headers.emplace_back("Link", next_link(next_url(ex, *ask, page->next)));
  answer.headers.emplace_back("X-Repo-Commit", place.commit);
  co_return answer;
}

task<hub_reply> paths_info(exchange& ex, hub_place place) {
  auto body = co_await ex.read_body(limits::json_body_bytes_max);
  if (!body)
    co_return tl::unexpected{hub_trouble(body.error())};
  auto trees = co_await load_snapshot(ex, place.what.manifest, place.files);
  auto work = [&]() -> result<std::string> {
    auto ask = read_paths_ask(ex.header("Content-Type"), *body);
    if (!ask)
      return tl::unexpected{ask.error()};
    return dump_json(known_paths(place, *trees, *ask));
  };
  auto made = co_await ex.on_disk(work);
  if (!made)
    co_return tl::unexpected{hub_trouble(made.error())};
  co_return json(200, std::move(*made));
}

} // namespace shoal::http
