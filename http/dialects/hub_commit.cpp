// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_commit.hpp"

#include "http/dialects/bring_file.hpp"
#include "http/dialects/file_cards.hpp"
#include "http/dialects/registration.hpp"
#include "persistence/revision_torrents.hpp"
#include "protocol/git_identity.hpp"

namespace shoal::http {

namespace {

/// A commit on its way, on the disk's threads.
struct making {
  shoal::node& node;
  const hub_base& base;
  const std::vector<hub_change>& changes;
  const hub_commit_head& note;
  unix_seconds at;
  const std::atomic<bool>& cancelled;
  std::vector<sha256_digest> absent = {}; ///< Objects of the revision that are not here.
};

result<manifest> changed_files(const making& x) {
  auto draft = x.base.files ? hub_draft{*x.base.files} : hub_draft{};
  for (auto& change : x.changes) {
    auto* file = std::get_if<manifest_file>(&change);
    auto done = file ? draft.put(*file) : draft.remove(std::get<hub_removal>(change));
    if (!done)
      return tl::unexpected{done.error()};
  }
  manifest m;
  m.id = x.base.id;
  m.rev = "main"; // Until the commit has a name.
  m.kind = x.base.kind;
  m.is_private = x.base.is_private;
  m.is_gated = x.base.files && x.base.files->is_gated;
  m.files = draft.files();
  if (m.total_size_bytes() == 0)
    return fail(ec::invalid_argument, "a revision needs a file that is not empty");
  if (auto valid = validate(m); !valid)
    return tl::unexpected{valid.error()};
  return m;
}

/// The commit's name, or nothing if its files are those of the base.
std::optional<sha1_digest> name_of(const making& x, const manifest& m) {
  auto root = take_snapshot(m).root;
  if (x.base.files && take_snapshot(*x.base.files).root == root)
    return std::nullopt;
  auto message = x.note.summary.empty() ? git_commit_message(m.id) : x.note.summary;
  if (!x.note.description.empty())
    message += "\n\n" + x.note.description;
  return git_commit_id(root, {sha1_digest::from_hex(x.base.commit), x.at, std::move(message)});
}

/// Everything that takes its time. @returns nothing if nothing changes.
result<std::optional<held_publication>> prepare(making& x) {
  auto m = changed_files(x);
  if (!m)
    return tl::unexpected{m.error()};
  auto commit = name_of(x, *m);
  if (!commit)
    return std::optional<held_publication>{};
  m->rev = commit->hex();
  std::vector<sha256_digest> objects;
  x.absent.clear();
  for (auto& file : m->files) {
    objects.push_back(file.sha256);
    if (!x.node.objects().size(file.sha256))
      x.absent.push_back(file.sha256);
  }
  if (!x.absent.empty())
    return fail(ec::unavailable, "bytes of this revision are at another node");
  auto files_held = x.node.claims().take(std::move(objects));
  if (!files_held && files_held.error().code == ec::not_found)
    return fail(ec::unavailable, "bytes of this revision were evicted: try again");
  if (!files_held)
    return tl::unexpected{files_held.error()};
  hash_options options;
  options.cancelled = &x.cancelled;
  if (auto added = add_torrents(x.node.objects(), *m, options); !added)
    return tl::unexpected{added.error()};
  if (auto added = add_cards(x.node.objects(), *m, x.base.about.category); !added)
    return tl::unexpected{added.error()};
  auto stored = x.node.objects().files().put(encode_manifest(*m));
  if (!stored)
    return tl::unexpected{stored.error()};
  auto held = x.node.claims().take(objects_of(*m, *stored));
  if (!held)
    return tl::unexpected{held.error()};
  publication what;
  what.publisher = x.base.about.publisher;
  what.license = x.base.about.license;
  what.category = x.base.about.category;
  what.tags = x.base.about.tags;
  what.description = x.note.summary;
  what.content = std::move(*m);
  return held_publication{std::move(what), *stored, std::move(*held), x.base.rev};
}

/// Torrents need the hashes of all bytes, wherever in the cluster these are.
task<result<void>> bring_all(exchange& ex, std::vector<sha256_digest> objects) {
  for (auto& object : objects) {
    auto brought = co_await bring_file(ex, object);
    if (!brought)
      co_return fail(ec::unavailable,
                     "bytes of this revision are at another node: " + to_string(brought.error()));
  }
  co_return result<void>{};
}

/// Registers what was prepared.
task<result<hub_made>> finish(exchange& ex, const hub_base& base,
                              result<std::optional<held_publication>>& ready) {
  if (!ready)
    co_return tl::unexpected{ready.error()};
  if (!*ready)
    co_return hub_made{base.commit, false};
  auto made = co_await register_held(ex, **ready);
  if (!made)
    co_return tl::unexpected{made.error()};
  co_return hub_made{(*ready)->what.content.rev, true};
}

} // namespace

task<result<hub_made>> make_commit(exchange& ex, hub_base base, std::vector<hub_change> changes,
                                   hub_commit_head note, unix_seconds at) {
  making x{ex.node(), base, changes, note, at, ex.srv().leaving};
  auto work = [&x] { return prepare(x); };
  auto ready = co_await run_on(*ex.srv().hashing, work);
  if (x.absent.empty())
    co_return co_await finish(ex, base, ready);
  auto brought = co_await bring_all(ex, x.absent);
  if (!brought)
    co_return tl::unexpected{brought.error()};
  auto again = co_await run_on(*ex.srv().hashing, work);
  co_return co_await finish(ex, base, again);
}

result<manifest_file> store_text(object_store& objects, std::string path,
                                 const std::string& content) {
  auto stored = objects.files().put(content);
  if (!stored)
    return tl::unexpected{stored.error()};
  manifest_file file{std::move(path), content.size(), *stored, std::nullopt};
  if (!is_kept_by_lfs(file.path, file.size_bytes) && is_git_text(content))
    file.git_blob = git_blob_id(content);
  return file;
}

} // namespace shoal::http
