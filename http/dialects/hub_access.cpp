// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_access.hpp"

#include "http/dialects/announce_access.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "protocol/git_identity.hpp"

namespace shoal::http {

namespace {

/// A revision that was found, before its manifest was read.
struct hub_match {
  revision what;
  std::string path;
  bool is_pinned = false;
};

task<hub_result<resolved_name>> look_up(exchange& ex, repository_query where, std::string name) {
  resolve_name ask{std::move(where), std::move(name)};
  auto found = co_await ex.ask<resolved_name>(ex.node().catalog(), std::move(ask));
  if (!found)
    co_return tl::unexpected{hub_trouble(found.error())};
  if (!found->repository_known)
    co_return tl::unexpected{repository_unknown()};
  co_return std::move(*found);
}

/// Whether the revision under that name is (still) this commit.
task<bool> is_commit(exchange& ex, revision what, const std::string& commit) {
  auto made = co_await commit_of(ex, std::move(what));
  co_return made && made->hex() == commit;
}

/// Finds a revision by its commit. @returns an unknown one if there is none.
task<hub_result<resolved_name>> find_commit(exchange& ex, repository_query where,
                                            std::string commit) {
  auto& names = ex.srv().git->names;
  auto key = git_book::key_of(where.id, commit);
  if (auto hint = names.find(key)) {
    auto found = co_await look_up(ex, where, *hint);
    if (found && found->revision_known) {
      auto same = co_await is_commit(ex, found->what, commit);
      if (same)
        co_return found;
    }
  }
  list_revisions ask{std::move(where)};
  auto all = co_await ex.ask<revision_list>(ex.node().catalog(), std::move(ask), true);
  if (!all)
    co_return tl::unexpected{hub_trouble(all.error())};
  for (auto& x : all->revisions) {
    auto same = co_await is_commit(ex, x, commit);
    if (!same)
      continue;
    names.put(key, std::make_shared<const std::string>(x.rev));
    co_return resolved_name{true, true, x};
  }
  co_return resolved_name{true, false, {}};
}

/// Finds the ref of one reading of a path. @errors RevisionNotFound and others.
task<hub_result<hub_match>> match_ref(exchange& ex, repository_query where, hub_ref ref) {
  auto name = catalog_name(ref.name);
  auto found = co_await look_up(ex, where, name);
  auto is_pinned = is_commit_id(name);
  if (found && !found->revision_known && is_pinned)
    found = co_await find_commit(ex, std::move(where), name);
  if (!found)
    co_return tl::unexpected{std::move(found.error())};
  if (!found->revision_known)
    co_return tl::unexpected{revision_unknown(ref.name)};
  co_return hub_match{std::move(found->what), std::move(ref.path), is_pinned};
}

/// Finds the repository and the ref of one reading of a path.
task<hub_result<hub_match>> match_path(exchange& ex, repository_query where, std::string rest) {
  auto refs = ref_readings(rest);
  if (refs.empty())
    refs.push_back({"main", {}});
  hub_error why;
  for (auto& ref : refs) {
    auto found = co_await match_ref(ex, where, ref);
    if (found)
      co_return found;
    if (&ref == &refs.front() || found.error().status != 404)
      why = std::move(found.error());
  }
  co_return tl::unexpected{std::move(why)};
}

} // namespace

hub_error no_entry(const exchange& ex, const hub_place& where) {
  auto why = where.is_pinned ? error{ec::not_found, {}} : unless_behind(ex, {ec::not_found, {}});
  return why.code == ec::not_found ? entry_unknown(where.commit) : hub_trouble(why);
}

repository_query query_of(const exchange& ex, std::string id, std::string kind) {
  return {std::move(id), std::move(kind), may_have_private(ex)};
}

task<hub_result<revision_list>> find_repository(exchange& ex, std::string id, std::string kind) {
  list_revisions ask{query_of(ex, std::move(id), std::move(kind))};
  auto all = co_await ex.ask<revision_list>(ex.node().catalog(), std::move(ask), true);
  if (!all)
    co_return tl::unexpected{hub_trouble(all.error())};
  if (all->revisions.empty())
    co_return tl::unexpected{repository_unknown()};
  co_return std::move(*all);
}

task<result<sha1_digest>> commit_of(exchange& ex, revision what) {
  if (is_commit_id(what.rev))
    co_return *sha1_digest::from_hex(what.rev);
  auto& book = *ex.srv().git;
  if (auto known = book.commits.find(what.manifest))
    co_return *known;
  auto files = co_await load_manifest(ex, what.manifest);
  if (!files)
    co_return tl::unexpected{files.error()};
  auto snapshot = co_await load_snapshot(ex, what.manifest, *files);
  auto commit = shoal::commit_of(**files, *snapshot);
  book.commits.put(what.manifest, std::make_shared<const sha1_digest>(commit));
  co_return commit;
}

task<std::shared_ptr<const git_snapshot>> load_snapshot(exchange& ex, sha256_digest digest,
                                                        std::shared_ptr<const manifest> files) {
  auto& snapshots = ex.srv().git->snapshots;
  if (auto known = snapshots.find(digest))
    co_return known;
  auto work = [files] { return std::make_shared<const git_snapshot>(take_snapshot(*files)); };
  auto made = co_await ex.on_disk(std::move(work));
  snapshots.put(digest, made, made->entries.size());
  co_return made;
}

task<hub_result<hub_path>> choose_reading(exchange& ex, std::string kind,
                                          std::vector<hub_path> readings) {
  if (readings.empty())
    co_return tl::unexpected{no_such_path()};
  for (auto& reading : readings) {
    if (readings.size() == 1)
      break;
    auto where = query_of(ex, reading.id, kind);
    auto found = co_await look_up(ex, std::move(where), "main");
    if (found)
      co_return std::move(reading);
  }
  co_return std::move(readings.front());
}

task<hub_result<hub_place>> find_place(exchange& ex, std::string kind, hub_path where) {
  auto asked = query_of(ex, std::move(where.id), std::move(kind));
  auto found = co_await match_path(ex, std::move(asked), std::move(where.rest));
  if (!found)
    co_return tl::unexpected{std::move(found.error())};
  auto files = co_await load_manifest(ex, found->what.manifest);
  if (!files)
    co_return tl::unexpected{hub_trouble(files.error())};
  auto commit = co_await commit_of(ex, found->what);
  if (!commit)
    co_return tl::unexpected{hub_trouble(commit.error())};
  co_return hub_place{std::move(found->what), std::move(*files), commit->hex(),
                      std::move(found->path), found->is_pinned};
}

task<> send_hub(exchange& ex, hub_reply reply, hub_body form) {
  // Whether a revision has a file is for `no_entry` to say.
  auto of_copy
      = !reply
        && (reply.error().code == "RepoNotFound" || reply.error().code == "RevisionNotFound");
  if (of_copy)
    if (auto why = unless_behind(ex, {ec::not_found, {}}); why.code != ec::not_found)
      reply = tl::unexpected{hub_trouble(why)};
  auto answer = reply ? std::move(*reply) : hub_refusal(reply.error(), form);
  for (auto& header : hub_headers(new_request_id()))
    answer.headers.push_back(std::move(header));
  tell_lag(ex, answer);
  co_await ex.send(std::move(answer));
}

} // namespace shoal::http
