// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_tree.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/json_body.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace shoal::http {

namespace {

using document = nlohmann::json;

constexpr size_t page_default = 50;
constexpr size_t page_max = 1'000;

/// Which commits a page has.
struct page_ask {
  size_t page = 0;
  size_t limit = page_default;
};

page_ask read_page(const query_params& params) {
  auto number = [&](const char* name, size_t otherwise) {
    auto text = params.get(name).value_or("");
    size_t value = otherwise;
    auto end = text.data() + text.size();
    return std::from_chars(text.data(), end, value).ptr == end ? value : otherwise;
  };
  page_ask ask;
  // Beyond any history: a product of the two does not overflow.
  ask.page = std::min<size_t>(number("p", 0), limits::hub_revisions_max);
  ask.limit = std::clamp<size_t>(number("limit", page_default), 1, page_max);
  return ask;
}

/// @param all the latest first. @returns `last` and those that it is on top of, the latest first.
std::vector<const revision*> lineage_of(const revision_list& all, const revision& last) {
  std::map<std::string_view, const revision*> below;
  for (auto& x : all.revisions)
    if (!x.successor.empty())
      below[x.successor] = &x;
  std::vector<const revision*> line{&last};
  while (line.size() <= all.revisions.size()) {
    auto found = below.find(line.back()->rev);
    if (found == below.end())
      break;
    line.push_back(found->second);
  }
  return line;
}

document describe(const revision& x, std::string commit, const registry_entry* entry) {
  hub_commit note;
  note.id = std::move(commit);
  note.at = x.created_at;
  note.author = entry && !entry->publisher.empty() ? entry->publisher : "Shoal"; // As it says.
  if (entry && is_commit_id(x.rev))
    note.title = entry->description;
  if (note.title.empty())
    note.title = git_commit_message(model_id::parse(x.id).value_or(model_id{}));
  return commit_json(note);
}

std::string next_page(const exchange& ex, const page_ask& ask) {
  return ex.base_url() + std::string{ex.path()} + "?p=" + std::to_string(ask.page + 1)
         + "&limit=" + std::to_string(ask.limit);
}

} // namespace

task<hub_reply> commit_page(exchange& ex, hub_place place, query_params params) {
  auto ask = read_page(params);
  auto known = co_await find_repository(ex, place.what.id, place.what.kind);
  auto all = known ? std::move(*known) : revision_list{}; // Else it is at an origin only.
  auto line = lineage_of(all, place.what);
  auto begin = std::min(ask.page * ask.limit, line.size());
  auto end = std::min(begin + ask.limit, line.size());
  std::vector<std::string> keys;
  for (auto i = begin; i < end; ++i)
    if (!line[i]->entry_key.empty())
      keys.push_back(line[i]->entry_key);
  auto entries = co_await entries_of(ex, std::move(keys));
  std::map<std::string, const registry_entry*> by_key;
  for (auto& entry : entries)
    by_key[entry.hashes.primary_key()] = &entry;
  auto list = document::array();
  for (auto i = begin; i < end; ++i) {
    auto commit = place.commit;
    if (i > 0) {
      auto made = co_await commit_of(ex, *line[i]);
      if (!made)
        continue; // Its manifest is damaged, as the log says.
      commit = made->hex();
    }
    auto entry = by_key.find(line[i]->entry_key);
    list.push_back(
        describe(*line[i], std::move(commit), entry == by_key.end() ? nullptr : entry->second));
  }
  auto answer = json(200, dump_json(list));
  answer.headers.emplace_back("X-Total-Count", std::to_string(line.size()));
  if (end < line.size())
    answer.headers.emplace_back("Link", next_link(next_page(ex, ask)));
  co_return answer;
}

} // namespace shoal::http
