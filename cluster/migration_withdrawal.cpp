// SPDX-License-Identifier: Apache-2.0
#include "cluster/migration_withdrawal.hpp"

namespace shoal::cluster {

using namespace coordination;

migration_withdrawal::migration_withdrawal(store& etcd, lmdb_store& local,
                                           const std::function<mono_time()>& now,
                                           const migration_config& config)
    : etcd_{etcd}, local_{local}, now_{now}, config_{config}, keys_{config.prefix} {}

void migration_withdrawal::start(callback then) {
  then_ = std::move(then);
  sum_ = {};
  give_up_at_ = now_() + config_.patience;
  next_ = now_();
  is_waiting_ = true;
}

void migration_withdrawal::advance() {
  if (!is_waiting_ || now_() < next_)
    return;
  is_waiting_ = false;
  look();
}

void migration_withdrawal::later(const error& why) {
  if (is_denied(why) || now_() >= give_up_at_) {
    end(tl::unexpected(why));
    return;
  }
  next_ = now_() + config_.retry;
  is_waiting_ = true;
}

void migration_withdrawal::end(result<outcome> what) {
  std::exchange(then_, nullptr)(std::move(what));
}

void migration_withdrawal::look() {
  view_cluster(etcd_, keys_, now_() + config_.timeout,
               [this, alive = std::weak_ptr(alive_)](const result<cluster_view>& seen) {
                 if (alive.expired())
                   return;
                 seen ? on_view(*seen) : later(seen.error());
               });
}

void migration_withdrawal::on_view(const cluster_view& seen) {
  auto state = copy_state(local_);
  auto source = local_.get(table::meta, migration_source_key);
  if (!state || !source) {
    end(tl::unexpected(state ? source.error() : state.error()));
    return;
  }
  if (state->is != store_state::kind::moving) {
    end(state->is == store_state::kind::copy
            ? fail(ec::conflict, "the store is a copy of the registry of cluster " + state->cluster)
            : fail(ec::not_found, "the store is not being moved"));
    return;
  }
  auto marker = seen.migration ? decode_migration_marker(seen.migration->value) : std::nullopt;
  if (!marker || marker->source != (*source)->value) {
    forget(); // Nothing there is of this store.
    return;
  }
  if (marker->at == migration_marker::phase::done) {
    end(fail(ec::conflict, "the registry is in etcd: the migration into it is done"));
    return;
  }
  marker_ = seen.migration->mod_revision;
  see_no_node();
}

void migration_withdrawal::see_no_node() {
  find_some_node(etcd_, keys_, now_() + config_.timeout,
                 [this, alive = std::weak_ptr(alive_)](const auto& node) {
                   if (alive.expired())
                     return;
                   if (!node)
                     later(node.error());
                   else if (node->empty())
                     read();
                   else
                     end(fail(ec::conflict, "node " + *node + " runs: stop all nodes before"));
                 });
}

void migration_withdrawal::read() {
  etcd_.read({keys_.data(), prefix_end(keys_.data()),
              static_cast<uint32_t>(config_.records_per_commit), 0},
             now_() + config_.timeout,
             [this, alive = std::weak_ptr(alive_)](const result<range_page>& page) {
               if (alive.expired())
                 return;
               page ? erase(*page) : later(page.error());
             });
}

/// With the last of them goes the marker.
void migration_withdrawal::erase(const range_page& page) {
  transaction what;
  outcome some;
  what.when.push_back({keys_.migration(), condition::what::mod_revision, marker_});
  for (const auto& kv : page.keys) {
    what.when.push_back({kv.key, condition::what::mod_revision, kv.mod_revision});
    what.then.push_back({kv.key, std::nullopt, 0});
    auto at = parse_data_key(std::string_view(kv.key).substr(keys_.data().size()));
    if (!at)
      continue;
    ++some.erased;
    auto held = local_.get(at->where, at->key);
    some.differed += !held || !*held || (*held)->value != kv.value;
  }
  if (!page.more)
    what.then.push_back({keys_.migration(), std::nullopt, 0});
  etcd_.commit(
      std::move(what), now_() + config_.timeout,
      [this, some, more = page.more,
       alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
        if (alive.expired())
          return;
        if (!answer || !answer->succeeded) {
          later(answer ? error{ec::conflict, "somebody writes into etcd"} : answer.error());
          return;
        }
        give_up_at_ = now_() + config_.patience;
        sum_.erased += some.erased;
        sum_.differed += some.differed;
        more ? read() : forget();
      });
}

void migration_withdrawal::forget() {
  if (auto gone = lmdb_copy{local_}.forget_origin(); !gone)
    end(tl::unexpected(gone.error()));
  else
    end(sum_);
}

} // namespace shoal::cluster
