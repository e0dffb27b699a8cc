// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/registration.hpp"

#include "core/log.hpp"
#include "http/dialects/registry_access.hpp"

#include <map>
#include <random>

namespace shoal::http {

namespace {

/// Nothing is going to name the objects. Not on the edge's thread, as it waits for the disk.
task<> let_go(exchange& ex, held_publication& done) {
  auto work = [hold = std::move(done.hold)]() mutable {
    auto gone = std::move(hold);
    return true;
  };
  co_await ex.on_disk(std::move(work));
}

/// In a cluster: sees to it that all that is going to be named is on its homes, or on others if
/// these fail. Fewer copies than wanted are no reason to refuse. @errors ec::busy: it takes long.
task<result<void>> copy_out(exchange& ex, const held_publication& done) {
  auto* cluster = ex.node().shared_registry();
  if (!cluster || !cluster->replicator())
    co_return result<void>{};
  copy_objects ask{std::random_device{}() | uint64_t{std::random_device{}()} << 32, {}};
  ask.objects = done.objects;
  while (mono_now() < done.answer_by) {
    auto question = ask;
    auto state = co_await ex.ask<copy_state>(cluster->replicator(), std::move(question));
    if (!state)
      co_return tl::unexpected{state.error()};
    if (state->lacking > 0 && state->done)
      log::warn("http", "publishes with too few copies objects={}", state->lacking);
    if (state->done)
      co_return result<void>{};
    ask.objects.clear();
  }
  co_return fail(ec::busy, "copies are on their way to other nodes: publish again");
}

task<result<registry_entry>> enlist(exchange& ex, const held_publication& ready) {
  auto message = to_message(ready.what, ready.manifest);
  message.parent = ready.parent;
  auto shard = ex.node().registry_of(message.entry.hashes.primary_swarm());
  auto made = co_await ex.ask<registry_entry>(shard, std::move(message));
  co_return made;
}

/// A mirror gives its name to who publishes something else under it. @returns whether one has gone.
task<bool> make_way(exchange& ex, const manifest& m) {
  lookup_revision ask{m.id.str(), m.rev};
  auto there = co_await ex.ask<revision>(ex.node().catalog(), std::move(ask));
  if (!there || !there->is_mirror)
    co_return false;
  auto& shard = shard_of(ex, there->entry_key);
  remove_revision question{there->id, there->rev};
  auto gone = co_await ex.ask<atom::clear>(shard, std::move(question));
  co_return gone.has_value();
}

/// The registry names the objects now: what holds them is the revision.
task<> hand_over(exchange& ex, held_publication& done) {
  auto& m = done.what.content;
  auto work = [claims = &ex.node().claims(), hold = std::move(done.hold),
               key = ref_key(m.id, m.rev)]() mutable {
    auto settled = claims->settle_revision(key);
    if (!settled || !*settled)
      hold.keep();
    return settled;
  };
  auto settled = co_await ex.on_disk(std::move(work));
  if (!settled)
    log::error("http", "cannot pin what is published error=\"{}\"", to_string(settled.error()));
}

} // namespace

/// All that a revision consists of.
std::vector<sha256_digest> objects_of(const manifest& m, const sha256_digest& name) {
  std::vector<sha256_digest> all{name};
  for (auto& file : m.files)
    all.push_back(file.sha256);
  for (auto& torrent : m.torrents)
    all.push_back(torrent.object);
  for (auto& card : m.cards)
    if (card.preview)
      all.push_back(*card.preview);
  return all;
}

std::vector<sized_object> sized_objects_of(const object_store& objects, const manifest& m,
                                           const sha256_digest& name) {
  std::map<sha256_digest, uint64_t> told;
  for (auto& file : m.files)
    told.emplace(file.sha256, file.size_bytes);
  std::vector<sized_object> sized;
  for (auto& object : objects_of(m, name)) {
    auto file = told.find(object);
    auto size = file != told.end() ? std::optional{file->second} : objects.size(object);
    if (size)
      sized.push_back({object, *size});
  }
  return sized;
}

task<result<registry_entry>> register_held(exchange& ex, held_publication& ready) {
  auto copied = co_await copy_out(ex, ready);
  if (!copied) {
    co_await let_go(ex, ready);
    co_return tl::unexpected{copied.error()};
  }
  auto made = co_await enlist(ex, ready);
  if (!made && made.error().code == ec::conflict) {
    auto is_free = co_await make_way(ex, ready.what.content);
    if (is_free)
      made = co_await enlist(ex, ready);
  }
  if (made)
    co_await hand_over(ex, ready);
  else
    co_await let_go(ex, ready);
  co_return made;
}

} // namespace shoal::http
