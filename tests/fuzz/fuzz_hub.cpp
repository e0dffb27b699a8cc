// SPDX-License-Identifier: Apache-2.0
// clang 14 cannot compile the coroutines of shoal_http, so only the pure parts are taken from
// there.
#include "actors/catalog_views.cpp" // NOLINT(bugprone-suspicious-include)
#include "core/hex.hpp"
#include "http/dialects/hub_change.cpp"  // NOLINT(bugprone-suspicious-include)
#include "http/dialects/hub_listing.cpp" // NOLINT(bugprone-suspicious-include)
#include "http/dialects/hub_path.cpp"    // NOLINT(bugprone-suspicious-include)
#include "http/json_body.cpp"            // NOLINT(bugprone-suspicious-include)
#include "protocol/model_id.hpp"

using namespace shoal;
using namespace shoal::http;

namespace {

/// A reading says all of the path, and nothing else.
void check_path(std::string_view text) {
  for (auto& x : hub_readings(text, {"tree", "refs"})) {
    SHOAL_CHECK(model_id::parse(x.id) && (x.verb.empty() || x.verb == "tree" || x.verb == "refs"));
    auto said = x.id + (x.verb.empty() ? "" : "/" + x.verb) + (x.rest.empty() ? "" : "/" + x.rest);
    SHOAL_CHECK(text == said || text == said + "/");
  }
  for (auto& x : ref_readings(text)) {
    SHOAL_CHECK(!x.name.empty() && !x.path.starts_with('/') && !x.path.ends_with('/'));
    catalog_name(x.name);
  }
}

/// What was understood is within its bounds, and the next page can be asked for.
void check_query(std::string_view text) {
  auto params = query_params::parse(text);
  if (!params)
    return;
  if (auto ask = read_tree_ask(*params))
    SHOAL_CHECK(ask->limit >= 1 && ask->limit <= limits::hub_tree_page_max);
  auto ask = read_models_ask(*params, "model");
  if (!ask)
    return;
  SHOAL_CHECK(ask->page.limit >= 1 && ask->page.limit <= limits::hub_models_page_max);
  revision last;
  last.id = "a/b";
  last.created_at = 5;
  auto next = query_params::parse(next_query(text, cursor_behind(ask->page.order, last)));
  if (!next) // One parameter more may be one too many.
    return;
  auto again = read_models_ask(*next, "model");
  SHOAL_CHECK(again && again->page.after_id == "a/b" && again->tags == ask->tags
              && again->page.limit == ask->page.limit && again->page.order == ask->page.order);
}

/// What was read of a commit is within its bounds and can be made of an empty revision.
void check_change(std::string_view text) {
  auto line = read_change_line(text);
  if (!line) {
    SHOAL_CHECK(is_client_error(line.error().code));
    return;
  }
  hub_draft draft;
  if (auto* removal = std::get_if<hub_removal>(&*line)) {
    SHOAL_CHECK(!removal->path.empty() || removal->of_folder);
    SHOAL_CHECK(!draft.remove(*removal));
  } else if (auto* content = std::get_if<hub_text>(&*line)) {
    SHOAL_CHECK(content->content.size() <= limits::git_blob_bytes_max);
    SHOAL_CHECK(draft.put({content->path, content->content.size(), {}, std::nullopt}));
    SHOAL_CHECK(draft.files().size() == 1);
  }
}

void check_body(std::string_view text) {
  for (auto type : {"application/json", "application/x-www-form-urlencoded"}) {
    auto ask = read_paths_ask(type, text);
    SHOAL_CHECK(ask ? ask->paths.size() <= limits::hub_tree_page_max
                    : is_client_error(ask.error().code));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_chars({data, size});
  check_path(text);
  check_query(text);
  check_body(text);
  check_change(text);
  return 0;
}
