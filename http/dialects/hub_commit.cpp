// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_commit.hpp"

#include "core/limits.hpp"
#include "core/log.hpp"
#include "http/dialects/bring_file.hpp"
#include "http/dialects/file_cards.hpp"
#include "http/dialects/registration.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/object_relay.hpp"
#include "persistence/revision_torrents.hpp"
#include "protocol/git_identity.hpp"

#include <algorithm>
#include <set>

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
  std::optional<known_hashes> known = {}; ///< Of the base's files.
  bool has_looked = false;                ///< For them.
  std::vector<sha256_digest> absent = {}; ///< Objects that must be read and are not here.
  std::optional<file_end> end = {};       ///< Of one more of them this is enough.
  std::optional<std::string> end_bytes = {};

  bool lacks_something() const { return end || !absent.empty(); }
};

/// What the base keeps, here or at other nodes. Of the rest the new revision must see to it itself.
std::set<sha256_digest> kept_by_base(const making& x) {
  if (!x.base.files || x.base.is_mirror || !x.node.shared_registry())
    return {};
  auto all = objects_of(*x.base.files, {});
  return {all.begin(), all.end()};
}

/// Objects that must be here to make the revision: those that are new, and those that are read.
std::vector<sha256_digest> needed(const making& x, const manifest& m, const torrent_plan& plan) {
  auto all = plan.to_read;
  auto kept = kept_by_base(x);
  for (auto& file : m.files)
    if (!kept.contains(file.sha256))
      all.push_back(file.sha256);
  for (auto& object : cards_to_read(m, x.base.files.get()))
    all.push_back(object);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<sha256_digest> without(std::vector<sha256_digest> all,
                                   const std::set<sha256_digest>& these) {
  all.erase(std::remove_if(all.begin(), all.end(), [&](auto& x) { return these.contains(x); }),
            all.end());
  return all;
}

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

/// Reads what the base's torrents say. Without it all files are read.
/// @errors ec::unavailable: they are at another node, so that all files might be, too.
result<void> look_at_base(making& x) {
  auto* hybrid = x.base.files ? x.base.files->find_torrent("hybrid") : nullptr;
  auto* v1 = x.base.files ? x.base.files->find_torrent("v1") : nullptr;
  if (!hybrid || std::exchange(x.has_looked, true))
    return {};
  auto load = [&](const manifest_torrent* torrent) {
    return torrent ? x.node.objects().load(torrent->object, limits::metainfo_bytes_max)
                   : result<std::string>{};
  };
  auto first = load(hybrid);
  auto second = load(v1);
  if (!first && x.node.shared_registry())
    return fail(ec::unavailable, "the torrents of its parent are at another node: try again");
  auto known = first ? read_known_hashes(*x.base.files, *first, second.value_or(""))
                     : tl::unexpected{first.error()};
  if (known)
    x.known = std::move(*known);
  else
    log::info("http", "reads all files of a revision again id={} reason=\"{}\"", x.base.id.str(),
              to_string(known.error()));
  return {};
}

/// What the README said of the base and nobody else has said since is not true of the commit.
void describe(publication& what, const manifest* base, bool was_mirror) {
  auto& m = what.content;
  auto before = base ? profile_of(*base, base->card) : repository_profile{};
  if (was_mirror)
    what.tags.clear(); // Nobody here has chosen them.
  describe_by_card(what, profile_of(m, m.card), &before);
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
  if (auto looked = look_at_base(x); !looked)
    return tl::unexpected{looked.error()};
  auto plan = plan_torrents(*m, x.known ? &*x.known : nullptr);
  x.end.reset();
  if (plan.end && !x.node.objects().size(plan.end->file)) {
    if (!x.end_bytes)
      x.end = plan.end;
    plan.use_end(x.end_bytes.value_or(""));
  }
  auto objects = needed(x, *m, plan);
  x.absent.clear();
  for (auto& object : objects)
    if (!x.node.objects().size(object))
      x.absent.push_back(object);
  if (x.lacks_something())
    return fail(ec::unavailable, "bytes of this revision are at another node");
  auto files_held = x.node.claims().take(std::move(objects));
  if (!files_held && files_held.error().code == ec::not_found)
    return fail(ec::unavailable, "bytes of this revision were evicted: try again");
  if (!files_held)
    return tl::unexpected{files_held.error()};
  if (auto added = add_torrents(x.node.objects(), *m, plan, &x.cancelled); !added)
    return tl::unexpected{added.error()};
  auto& before = x.base.files;
  if (auto added = add_cards(x.node.objects(), *m, x.base.about.category, before.get()); !added)
    return tl::unexpected{added.error()};
  auto card = read_repository_card(x.node.objects(), *m, before.get());
  if (!card)
    return tl::unexpected{card.error()};
  m->card = std::move(*card);
  auto stored = x.node.objects().files().put(encode_manifest(*m));
  if (!stored)
    return tl::unexpected{stored.error()};
  auto fresh = without(objects_of(*m, *stored), kept_by_base(x));
  auto held = x.node.claims().take(fresh);
  if (!held)
    return tl::unexpected{held.error()};
  publication what;
  what.publisher = x.base.about.publisher;
  what.license = x.base.about.license;
  what.category = x.base.about.category;
  what.tags = x.base.about.tags;
  what.description = x.note.summary;
  what.content = std::move(*m);
  describe(what, before.get(), x.base.is_mirror);
  auto named = sized_objects_of(x.node.objects(), what.content, *stored);
  return held_publication{std::move(what), *stored, std::move(*held), std::move(named), x.base.rev};
}

/// Sees to it that the base's torrents are here, if they can be.
task<> bring_torrents(exchange& ex, const hub_base& base) {
  if (!base.files)
    co_return;
  auto torrents = base.files->torrents;
  for (auto& torrent : torrents)
    co_await bring_object(ex, torrent.object);
}

/// What must be read and is at another node of the cluster.
task<result<void>> bring_all(exchange& ex, making& x) {
  auto absent = [](const error& why) {
    return fail(ec::unavailable, "bytes of this revision are at another node: " + to_string(why));
  };
  if (x.end && ex.far()) {
    object_part part{x.end->file, x.end->size_bytes, x.end->offset,
                     x.end->size_bytes - x.end->offset};
    auto bytes = co_await ex.far()->read(ex, part);
    if (!bytes)
      co_return absent(bytes.error());
    x.end_bytes = std::move(*bytes);
  }
  for (auto& object : x.absent) {
    auto brought = co_await bring_file(ex, object);
    if (!brought)
      co_return absent(brought.error());
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
  co_await bring_torrents(ex, base);
  making x{ex.node(), base, changes, note, at, ex.srv().ending};
  auto work = [&x] { return prepare(x); };
  auto ready = co_await run_on(*ex.srv().hashing, work);
  if (!x.lacks_something())
    co_return co_await finish(ex, base, ready);
  auto brought = co_await bring_all(ex, x);
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
