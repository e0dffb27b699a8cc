// SPDX-License-Identifier: Apache-2.0
// Hugging Face's API: one repository, its revisions and the names of its files.
#include "http/credentials.hpp"
#include "http/dialects/announce_access.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/hub_access.hpp"
#include "http/dialects/hub_json.hpp"
#include "http/dialects/hub_origin.hpp"
#include "http/dialects/hub_tree.hpp"
#include "http/dialects/hub_upload.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"

namespace shoal::http {

namespace {

using document = nlohmann::json;

/// What is published here has an entry.
task<result<registry_entry>> entry_of(exchange& ex, const hub_place& place) {
  result<registry_entry> entry = fail(ec::not_found);
  if (!place.is_elsewhere)
    entry = co_await load_entry(ex, place.what.entry_key);
  co_return entry;
}

task<hub_reply> info(exchange& ex, hub_place place, query_params params) {
  auto wanted = expanded_fields(params);
  auto entry = co_await entry_of(ex, place);
  auto write = [&] {
    hub_repository x{place.what, entry ? &*entry : nullptr, place.commit, place.files.get(),
                     is_set(params, "blobs")};
    auto doc = repository_json(x);
    keep_only(doc, wanted);
    return dump_json(doc);
  };
  auto body = co_await ex.on_disk(write);
  co_return json(200, std::move(body));
}

/// Of a repository that only an origin has, the one name that all have.
task<hub_reply> refs_elsewhere(exchange& ex, std::string kind, std::string id, bool asked) {
  hub_path main{std::move(id), {}, "main"};
  auto place = co_await find_place_anywhere(ex, std::move(kind), std::move(main));
  if (!place)
    co_return tl::unexpected{std::move(place.error())};
  co_return json(200, dump_json(refs_json(place->commit, {}, asked)));
}

task<hub_reply> refs(exchange& ex, std::string kind, hub_path where, query_params params) {
  auto asked = is_set(params, "include_prs") || is_set(params, "include_pull_requests");
  auto found = co_await find_repository(ex, where.id, kind);
  if (!found) {
    auto reply = co_await refs_elsewhere(ex, std::move(kind), std::move(where.id), asked);
    co_return reply;
  }
  std::vector<named_commit> tags;
  std::string main;
  for (auto& x : found->revisions) {
    auto commit = co_await commit_of(ex, x);
    if (!commit)
      continue; // Its manifest is damaged, as the log says.
    if (&x == &found->revisions[found->main])
      main = commit->hex();
    if (x.rev != "main" && !is_commit_id(x.rev)) // Commits are no tags.
      tags.push_back({x.rev, commit->hex()});
  }
  if (main.empty())
    co_return tl::unexpected{hub_trouble(error{ec::corrupt, {}})};
  co_return json(200, dump_json(refs_json(main, tags, asked)));
}

task<hub_reply> check_access(exchange& ex, std::string kind, hub_path where) {
  auto found = co_await find_repository(ex, std::move(where.id), std::move(kind));
  if (!found)
    co_return tl::unexpected{std::move(found.error())};
  if (where.rest != "write" || has_registry_key(ex))
    co_return json(200, "{}");
  if (bearer_token(ex).empty())
    co_return tl::unexpected{who_are_you()};
  co_return tl::unexpected{hub_error{403, {}, "This token may not write here"}};
}

/// What is asked about a revision and a path in it.
task<hub_reply> at_place(exchange& ex, std::string kind, hub_path where, query_params params) {
  auto verb = where.verb;
  auto place = co_await find_place_anywhere(ex, std::move(kind), std::move(where));
  if (!place)
    co_return tl::unexpected{std::move(place.error())};
  hub_reply reply;
  if (verb == "tree")
    reply = co_await tree_page(ex, std::move(*place), std::move(params));
  else if (!place->path.empty())
    reply = tl::unexpected{revision_unknown(place->what.rev + '/' + place->path)};
  else if (verb == "commits")
    reply = co_await commit_page(ex, std::move(*place), std::move(params));
  else
    reply = co_await info(ex, std::move(*place), std::move(params));
  co_return reply;
}

task<hub_reply> answer_get(exchange& ex, std::string kind) {
  auto params = ex.params();
  if (!params)
    co_return tl::unexpected{hub_trouble(params.error())};
  auto readings
      = hub_readings(ex.param("path"), {"revision", "tree", "commits", "refs", "auth-check"});
  auto where = co_await choose_reading(ex, kind, std::move(readings));
  if (!where)
    co_return tl::unexpected{std::move(where.error())};
  if (where->verb.empty()) // Dragonfly names the revision here.
    where->rest = params->get("revision").value_or("");
  hub_reply reply;
  if (where->verb == "refs")
    reply = co_await refs(ex, std::move(kind), std::move(*where), std::move(*params));
  else if (where->verb == "auth-check")
    reply = co_await check_access(ex, std::move(kind), std::move(*where));
  else
    reply = co_await at_place(ex, std::move(kind), std::move(*where), std::move(*params));
  co_return reply;
}

task<hub_reply> answer_post(exchange& ex, std::string kind) {
  auto readings = hub_readings(ex.param("path"), {"paths-info", "preupload", "commit"});
  auto where = co_await choose_reading(ex, kind, std::move(readings));
  if (!where)
    co_return tl::unexpected{std::move(where.error())};
  auto verb = where->verb;
  hub_reply done;
  if (verb == "preupload") {
    done = co_await preupload(ex, std::move(kind), std::move(*where));
    co_return done;
  }
  if (verb == "commit") {
    done = co_await commit(ex, std::move(kind), std::move(*where));
    co_return done;
  }
  auto place = co_await find_place_anywhere(ex, std::move(kind), std::move(*where));
  if (!place)
    co_return tl::unexpected{std::move(place.error())};
  auto reply = co_await paths_info(ex, std::move(*place));
  co_return reply;
}

task<> get(exchange& ex, std::string kind) {
  auto reply = co_await answer_get(ex, std::move(kind));
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

task<> post(exchange& ex, std::string kind) {
  auto reply = co_await answer_post(ex, std::move(kind));
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

} // namespace

task<> hub_model(exchange& ex) {
  return get(ex, "model");
}

task<> hub_dataset(exchange& ex) {
  return get(ex, "dataset");
}

task<> hub_space(exchange& ex) {
  return get(ex, "space");
}

task<> hub_model_post(exchange& ex) {
  return post(ex, "model");
}

task<> hub_dataset_post(exchange& ex) {
  return post(ex, "dataset");
}

task<> hub_space_post(exchange& ex) {
  return post(ex, "space");
}

/// @source Hugging Face's /api/whoami-v2
task<> hub_whoami(exchange& ex) {
  auto user = user_of_token(ex);
  auto may_write = has_key_as_token(ex);
  hub_reply reply = tl::unexpected{who_are_you()};
  if (user || may_write)
    reply = json(200, dump_json(account_json(user.value_or("publisher"), may_write)));
  co_await send_hub(ex, std::move(reply), hub_body::json);
}

} // namespace shoal::http
