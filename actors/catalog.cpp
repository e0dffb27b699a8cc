// SPDX-License-Identifier: Apache-2.0
#include "actors/catalog.hpp"

#include "actors/error.hpp"
#include "actors/registry_plan.hpp"
#include "core/log.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <tuple>

namespace shoal {

catalog::catalog(caf::actor_config& cfg, const lmdb_store* store)
    : catalog_actor::base(cfg), store_{*store} {}

void catalog::load() {
  auto damage = store_.scan(table::refs, {}, [&](auto key, auto value, auto) {
    if (auto record = decode_ref(value))
      add(from_record(key, *record));
    else
      log::error("catalog", "skips a corrupt ref error=\"{}\"", to_string(record.error()));
    return true;
  });
  if (!damage)
    log::error("catalog", "finds damage error=\"{}\"", to_string(damage.error()));
}

void catalog::on_step(const registry_step& step) {
  if (!step.changes) {
    models_.clear(); // Nobody is answered in between.
    load();
    return;
  }
  for (auto& change : *step.changes)
    if (change.where == table::refs)
      follow(change.key);
}

/// Whatever a step says, the store says what is so now.
void catalog::follow(const std::string& key) {
  auto found = store_.get(table::refs, key);
  if (found && !*found) {
    auto gone = from_record(key, ref_record{});
    remove(gone.id, [&](const revision& x) { return x.rev == gone.rev; });
    return;
  }
  auto record = found ? decode_ref((*found)->value) : tl::unexpected{found.error()};
  if (record)
    add(from_record(key, *record));
  else
    log::error("catalog", "cannot follow a ref error=\"{}\"", to_string(record.error()));
}

void catalog::add(revision made) {
  remove(made.id, [&](const revision& x) { return x.rev == made.rev; });
  auto& all = models_[made.id];
  // Of two of the same second, the one that nothing was made on top of is the later one.
  auto after = [](const revision& a, const revision& b) {
    return std::tuple{a.created_at, a.successor.empty()}
           < std::tuple{b.created_at, b.successor.empty()};
  };
  all.insert(std::upper_bound(all.begin(), all.end(), made, after), std::move(made));
}

template <class Pred>
void catalog::remove(const std::string& id, Pred gone) {
  auto i = models_.find(id);
  if (i == models_.end())
    return;
  std::erase_if(i->second, gone);
  if (i->second.empty())
    models_.erase(i);
}

namespace {

/// @returns the latest revision that fits, or null: a mirror only if nobody has published one.
template <class Pred>
const revision* latest_of(const std::vector<revision>& revisions, Pred fits) {
  const revision* latest = nullptr;
  for (auto& x : revisions)
    if (fits(x) && (!latest || latest->is_mirror || !x.is_mirror))
      latest = &x;
  return latest;
}

} // namespace

model_list catalog::on_list(const list_models& ask) const {
  model_list found;
  for (auto& [id, revisions] : models_) {
    if (!text::contains_nocase(id, ask.query))
      continue;
    auto* latest = latest_of(revisions, [](const revision& x) { return !x.is_private; });
    if (!latest)
      continue; // Private models are known to those who were told.
    if (found.total++ >= ask.offset && found.models.size() < ask.limit)
      found.models.push_back(*latest);
  }
  return found;
}

caf::result<revision> catalog::on_lookup(const lookup_revision& ask) const {
  auto i = models_.find(ask.id);
  if (i == models_.end())
    return to_caf({ec::not_found, {}});
  if (ask.rev.empty())
    return *latest_of(i->second, [](const revision&) { return true; });
  auto same = [&](const revision& x) { return x.rev == ask.rev; };
  auto found = std::find_if(i->second.begin(), i->second.end(), same);
  if (found == i->second.end())
    return to_caf({ec::not_found, {}});
  return *found;
}

catalog::behavior_type catalog::make_behavior() {
  load();
  return {
      [this](const list_models& x) { return on_list(x); },
      [this](const lookup_revision& x) { return on_lookup(x); },
      [this](const resolve_name& x) { return resolve(models_, x); },
      [this](const list_revisions& x) { return revisions_of(models_, x.where); },
      [this](const browse_models& x) { return browse(models_, x); },
      [this](const recent_revisions& x) { return latest_of_all(models_, x); },
      [this](atom::load, const revision& x) {
        add(x);
        return atom::load::value;
      },
      [this](atom::clear, const revision& x) {
        // Another shard may have told of new content under the same name already.
        remove(x.id, [&](const revision& y) { return y.rev == x.rev && y.manifest == x.manifest; });
        return atom::clear::value;
      },
      [this](const registry_step& x) { on_step(x); },
  };
}

} // namespace shoal
