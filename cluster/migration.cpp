// SPDX-License-Identifier: Apache-2.0
#include "cluster/migration.hpp"

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;
using phase = migration_marker::phase;

migration_into_etcd::migration_into_etcd(store& etcd, lmdb_store& local,
                                         const std::function<mono_time()>& now,
                                         const migration_config& config)
    : etcd_{etcd}, local_{local}, now_{now}, config_{config}, keys_{config.prefix}, check_{etcd,
                                                                                           local,
                                                                                           now,
                                                                                           keys_} {}

void migration_into_etcd::start(callback then) {
  then_ = std::move(then);
  give_up_at_ = now_() + config_.patience;
  next_ = now_();
  is_waiting_ = true;
}

void migration_into_etcd::advance() {
  check_.advance();
  if (!is_waiting_ || now_() < next_)
    return;
  is_waiting_ = false;
  look();
}

void migration_into_etcd::later(const error& why) {
  if (is_denied(why) || now_() >= give_up_at_) {
    end(tl::unexpected(why));
    return;
  }
  next_ = now_() + config_.retry;
  is_waiting_ = true;
}

void migration_into_etcd::end(result<uint64_t> outcome) {
  std::exchange(then_, nullptr)(std::move(outcome));
}

// -- how far it is --------------------------------------------------------------------------

/// Asked at the start, and after whatever went wrong.
void migration_into_etcd::look() {
  view_cluster(etcd_, keys_, now_() + config_.timeout,
               [this, alive = std::weak_ptr(alive_)](const result<cluster_view>& seen) {
                 if (alive.expired())
                   return;
                 seen ? on_view(*seen) : later(seen.error());
               });
}

/// Takes down what is here and there.
result<void> migration_into_etcd::know(const cluster_view& seen) {
  auto state = copy_state(local_);
  auto source = local_.get(table::meta, migration_source_key);
  if (!state || !source)
    return tl::unexpected(state ? source.error() : state.error());
  state_ = *state;
  cluster_ = config_.cluster;
  if (auto fine = check_cluster_id(cluster_); !cluster_.empty() && !fine)
    return fine;
  if (seen.identity) {
    auto id = decode_identity(seen.identity->value);
    if (!id)
      return tl::unexpected(id.error());
    if (!cluster_.empty() && *id != cluster_)
      return fail(ec::conflict, "etcd has cluster " + *id + ", not " + cluster_);
    cluster_ = *id;
  }
  identity_ = seen.identity ? seen.identity->mod_revision : 0;
  marker_ = seen.migration ? seen.migration->mod_revision : 0;
  at_ = {};
  at_.source = *source ? (*source)->value : std::string{};
  if (seen.migration) {
    auto at = decode_migration_marker(seen.migration->value);
    if (!at || at->source != at_.source)
      return fail(ec::conflict, "etcd has a registry of another origin");
    at_ = *at;
  }
  bool was_moved = at_.at == phase::done && state_.cluster == cluster_;
  if (state_.is == store_state::kind::copy && !was_moved)
    return fail(ec::conflict, "the store is a copy of the registry of cluster " + state_.cluster);
  return {};
}

void migration_into_etcd::on_view(const cluster_view& seen) {
  if (auto known = know(seen); !known)
    end(tl::unexpected(known.error()));
  else if (at_.at == phase::done)
    adopt(marker_);
  else if (marker_ != 0)
    go_on();
  else
    see_no_node([this] { see_that_it_is_empty(); });
}

void migration_into_etcd::go_on() {
  see_no_node([this] { copy_some(); });
}

void migration_into_etcd::see_no_node(std::function<void()> then) {
  find_some_node(etcd_, keys_, now_() + config_.timeout,
                 [this, then = std::move(then), alive = std::weak_ptr(alive_)](const auto& node) {
                   if (alive.expired())
                     return;
                   if (!node)
                     later(node.error());
                   else if (node->empty())
                     then();
                   else
                     undo_begin({ec::conflict, "node " + *node + " runs: stop all nodes before"});
                 });
}

/// A node was faster: leaves it alone, unless there is something that must be gone on with.
void migration_into_etcd::undo_begin(const error& why) {
  if (marker_ == 0 || at_.at != phase::copying || at_.table != 0 || !at_.after.empty()) {
    end(tl::unexpected(why));
    return;
  }
  etcd_.commit({{{keys_.migration(), condition::what::mod_revision, marker_}},
                {{keys_.migration(), std::nullopt, 0}},
                {}},
               now_() + config_.timeout,
               [this, why, alive = std::weak_ptr(alive_)](const auto& answer) {
                 if (alive.expired())
                   return;
                 if (!answer) {
                   later(answer.error());
                   return;
                 }
                 if (auto gone = lmdb_copy{local_}.forget_origin(); !gone)
                   end(tl::unexpected(gone.error()));
                 else
                   end(tl::unexpected(why));
               });
}

void migration_into_etcd::see_that_it_is_empty() {
  constexpr uint32_t some = 500; // Barriers of nodes come early.
  auto below = keys_.data().size();
  etcd_.read({keys_.data(), prefix_end(keys_.data()), some, 0}, now_() + config_.timeout,
             [this, below, alive = std::weak_ptr(alive_)](const result<range_page>& page) {
               if (alive.expired())
                 return;
               if (!page)
                 later(page.error());
               else if (std::any_of(page->keys.begin(), page->keys.end(), [&](const auto& kv) {
                          return parse_data_key(std::string_view(kv.key).substr(below));
                        }))
                 end(fail(ec::conflict, "etcd has a registry already"));
               else
                 begin();
             });
}

/// A registry keeps its name, so that it is known again after an interruption.
result<void> migration_into_etcd::mark_source() {
  if (!at_.source.empty())
    return {};
  auto made = new_cluster_id();
  auto kept
      = local_.commit(commit_request{{}, {{table::meta, std::string(migration_source_key), made}}});
  if (!kept)
    return tl::unexpected(kept.error());
  at_.source = made;
  return {};
}

/// With the marker no node starts any more; one that was faster is seen now.
void migration_into_etcd::begin() {
  if (auto marked = mark_source(); !marked) {
    end(tl::unexpected(marked.error()));
    return;
  }
  transaction what{{{keys_.migration(), condition::what::mod_revision, 0},
                    {keys_.identity(), condition::what::mod_revision, identity_}},
                   {{keys_.migration(), encode(at_), 0}},
                   {}};
  if (cluster_.empty())
    cluster_ = new_cluster_id();
  if (identity_ == 0)
    what.then.push_back({keys_.identity(), encode_identity(cluster_), 0});
  etcd_.commit(std::move(what), now_() + config_.timeout,
               [this, alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
                 if (alive.expired())
                   return;
                 if (!answer) {
                   later(answer.error());
                   return;
                 }
                 if (!answer->succeeded) {
                   look();
                   return;
                 }
                 marker_ = answer->revision;
                 go_on();
               });
}

// -- copying --------------------------------------------------------------------------------

/// What comes next of one table, or that there is no more.
result<migration_into_etcd::part> migration_into_etcd::next_part() const {
  part next;
  next.reached = at_;
  auto& at = next.reached;
  auto& puts = next.what.then;
  for (size_t bytes = 0; puts.empty() && at.at == phase::copying;) {
    auto where = shared_tables[at.table];
    auto from = at.after;
    auto seen = local_.scan(where, from, [&](auto key, auto value, uint64_t) {
      if (!from.empty() && key == from)
        return true;
      puts.push_back({keys_.data(name(where), key), std::string(value), 0});
      at.after = key;
      bytes += key.size() + value.size();
      return puts.size() < config_.records_per_commit && bytes < config_.bytes_per_commit;
    });
    if (!seen)
      return tl::unexpected(seen.error());
    if (!puts.empty())
      break;
    at.after.clear();
    at.at = ++at.table == shared_tables.size() ? phase::copied : phase::copying;
  }
  next.records = puts.size();
  next.what.when.push_back({keys_.migration(), condition::what::mod_revision, marker_});
  for (const auto& put : puts)
    next.what.when.push_back({put.key, condition::what::create_revision, 0});
  puts.push_back({keys_.migration(), encode(at), 0});
  next.what.on_failure.push_back(keys_.migration());
  return next;
}

void migration_into_etcd::copy_some() {
  if (at_.at == phase::copied) {
    check_.start(0, [this](result<uint64_t> records) {
      if (records)
        see_no_node([this] { finish(); });
      else
        end(std::move(records));
    });
    return;
  }
  auto next = next_part();
  if (!next) {
    end(tl::unexpected(next.error()));
    return;
  }
  auto what = next->what;
  etcd_.commit(std::move(what), now_() + config_.timeout,
               [this, done = std::move(*next),
                alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
                 if (alive.expired())
                   return;
                 answer ? on_copied(done, *answer) : later(answer.error());
               });
}

void migration_into_etcd::on_copied(const part& done, const transaction_result& answer) {
  if (!answer.succeeded) {
    auto& marker = answer.read[0];
    if (marker && marker->mod_revision == marker_)
      end(fail(ec::conflict, "somebody else has written records of the registry into etcd"));
    else
      look(); // An earlier one has happened after all.
    return;
  }
  give_up_at_ = now_() + config_.patience;
  marker_ = answer.revision;
  at_ = done.reached;
  written_ += done.records;
  copy_some();
}

// -- its end --------------------------------------------------------------------------------

void migration_into_etcd::finish() {
  auto all = at_;
  all.at = phase::done;
  etcd_.commit({{{keys_.migration(), condition::what::mod_revision, marker_}},
                {{keys_.migration(), encode(all), 0}},
                {}},
               now_() + config_.timeout,
               [this, alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
                 if (alive.expired())
                   return;
                 if (!answer)
                   later(answer.error());
                 else if (answer->succeeded)
                   adopt(answer->revision);
                 else
                   look();
               });
}

/// From now on the store is a copy, whose versions have to be read.
void migration_into_etcd::adopt(uint64_t revision) {
  if (state_.is != store_state::kind::copy)
    if (auto kept = lmdb_copy{local_}.adopt(cluster_, {revision, false}); !kept) {
      end(tl::unexpected(kept.error()));
      return;
    }
  end(count());
}

result<uint64_t> migration_into_etcd::count() const {
  uint64_t all = 0;
  for (auto where : shared_tables) {
    auto some = local_.count(where);
    if (!some)
      return some;
    all += *some;
  }
  return all;
}

} // namespace shoal::cluster
