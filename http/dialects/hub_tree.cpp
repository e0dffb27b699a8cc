// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_tree.hpp"

#include "http/dialects/hub_listing.hpp"
#include "http/json_body.hpp"
#include "protocol/percent.hpp"

namespace shoal::http {

namespace {

using document = nlohmann::json;

std::string next_url(const exchange& ex, const tree_ask& ask, std::string_view next) {
  auto flag = [](bool x) { return x ? "true" : "false"; };
  return ex.base_url() + std::string{ex.path()} + "?recursive=" + flag(ask.recursive)
         + "&expand=" + flag(ask.expand) + "&limit=" + std::to_string(ask.limit)
         + "&cursor=" + percent_encode(next);
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

task<hub_reply> tree_page(exchange& ex, hub_place place, query_params params) {
  auto ask = read_tree_ask(params);
  if (!ask)
    co_return tl::unexpected{hub_trouble(ask.error())};
  auto& m = *place.files;
  auto trees = co_await load_snapshot(ex, place.what.manifest, place.files);
  auto page = list_tree(m, *trees, place.path, *ask);
  if (!page)
    co_return tl::unexpected{no_entry(ex, place)};
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
