// SPDX-License-Identifier: Apache-2.0
#include "actors/catalog_views.hpp"

#include "core/limits.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <tuple>

namespace shoal {

namespace {

bool may_see(const revision& x, std::string_view kind, bool with_private) {
  return x.kind == kind && (with_private || !x.is_private);
}

const std::vector<revision>* find(const model_map& models, const std::string& id) {
  auto i = models.find(id);
  return i == models.end() ? nullptr : &i->second;
}

bool goes_down(model_order order) {
  return order == model_order::latest || order == model_order::largest
         || order == model_order::by_id_backwards;
}

/// A total order, because ids are unique.
struct comes_before {
  model_order order;

  bool operator()(int64_t left, std::string_view left_id, int64_t right,
                  std::string_view right_id) const {
    if (left != right)
      return goes_down(order) ? left > right : left < right;
    return order == model_order::by_id_backwards ? left_id > right_id : left_id < right_id;
  }
};

bool is_wanted(const std::string& id, const browse_models& ask) {
  if (!ask.author.empty()
      && !(id.size() > ask.author.size() && id.starts_with(ask.author)
           && id[ask.author.size()] == '/'))
    return false;
  return text::contains_nocase(id, ask.search);
}

} // namespace

int64_t sort_value(model_order order, const revision& x) {
  switch (order) {
  case model_order::latest:
  case model_order::oldest:
    return x.created_at;
  case model_order::largest:
  case model_order::smallest:
    return static_cast<int64_t>(x.size_bytes);
  case model_order::by_id:
  case model_order::by_id_backwards:
    break;
  }
  return 0;
}

const revision* main_of(const std::vector<revision>& revisions, std::string_view kind,
                        bool with_private) {
  const revision* latest = nullptr;
  for (auto& x : revisions) {
    if (!may_see(x, kind, with_private) || x.is_mirror)
      continue; // What "main" is of an origin, the origin says.
    if (x.rev == main_branch)
      return &x;
    latest = &x;
  }
  return latest;
}

resolved_name resolve(const model_map& models, const resolve_name& ask) {
  resolved_name reply;
  auto& where = ask.where;
  auto* all = find(models, where.id);
  auto* found = all ? main_of(*all, where.kind, where.with_private) : nullptr;
  reply.repository_known = found != nullptr;
  if (all && ask.name != main_branch) {
    auto i = std::find_if(all->begin(), all->end(), [&](auto& x) {
      return x.rev == ask.name && may_see(x, where.kind, where.with_private);
    });
    found = i == all->end() ? nullptr : &*i;
  }
  reply.revision_known = found != nullptr;
  reply.repository_known |= reply.revision_known;
  if (found)
    reply.what = *found;
  return reply;
}

revision_list revisions_of(const model_map& models, const repository_query& ask) {
  revision_list reply;
  auto* all = find(models, ask.id);
  auto* main = all ? main_of(*all, ask.kind, ask.with_private) : nullptr;
  if (!main)
    return reply;
  for (auto i = all->rbegin(); i != all->rend(); ++i) {
    // However old it is, what "main" stands for is among them.
    auto wanted = &*i == main || reply.revisions.size() + 1 < limits::hub_revisions_max;
    if (!wanted || i->is_mirror || !may_see(*i, ask.kind, ask.with_private))
      continue;
    if (&*i == main)
      reply.main = static_cast<uint32_t>(reply.revisions.size());
    reply.revisions.push_back(*i);
  }
  return reply;
}

model_page browse(const model_map& models, const browse_models& ask) {
  comes_before before{ask.order};
  auto value = [&](const revision& x) { return sort_value(ask.order, x); };
  std::vector<const revision*> found;
  for (auto& [id, revisions] : models) {
    if (!is_wanted(id, ask))
      continue;
    auto* x = main_of(revisions, ask.kind, ask.with_private);
    if (x && (ask.after_id.empty() || before(ask.after_value, ask.after_id, value(*x), id)))
      found.push_back(x);
  }
  auto count = std::min<size_t>(ask.limit, found.size());
  auto end = found.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(found.begin(), end, found.end(),
                    [&](auto* a, auto* b) { return before(value(*a), a->id, value(*b), b->id); });
  model_page page;
  page.has_more = found.size() > count;
  std::transform(found.begin(), end, std::back_inserter(page.models), [](auto* x) { return *x; });
  return page;
}

model_page latest_of_all(const model_map& models, const recent_revisions& ask) {
  std::vector<const revision*> found;
  for (auto& [id, revisions] : models)
    for (auto& x : revisions)
      if (may_see(x, ask.kind, ask.with_private) && !x.is_mirror)
        found.push_back(&x);
  auto count = std::min<size_t>(ask.limit, found.size());
  auto end = found.begin() + static_cast<std::ptrdiff_t>(count);
  auto later = [](auto* a, auto* b) {
    return std::tie(a->created_at, a->id, a->rev) > std::tie(b->created_at, b->id, b->rev);
  };
  std::partial_sort(found.begin(), end, found.end(), later);
  model_page page;
  page.has_more = found.size() > count;
  std::transform(found.begin(), end, std::back_inserter(page.models), [](auto* x) { return *x; });
  return page;
}

} // namespace shoal
