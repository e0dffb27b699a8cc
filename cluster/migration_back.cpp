// SPDX-License-Identifier: Apache-2.0
// From etcd into a store.
#include "cluster/migration.hpp"

namespace shoal::cluster {

using namespace coordination;

migration_into_lmdb::migration_into_lmdb(store& etcd, lmdb_store& local,
                                         const std::function<mono_time()>& now,
                                         const migration_config& config)
    : etcd_{etcd}, local_{local}, now_{now}, config_{config}, keys_{config.prefix}, disk_{local},
      check_{etcd, local, now, keys_} {}

void migration_into_lmdb::start(callback then) {
  then_ = std::move(then);
  give_up_at_ = patience_from_now();
  again_ = [this] { look(); };
}

void migration_into_lmdb::advance() {
  if (!then_)
    return;
  check_.advance();
  if (again_ && now_() >= next_)
    std::exchange(again_, nullptr)();
  else if (phase_ == phase::copying)
    copy();
}

void migration_into_lmdb::later(const error& why) {
  next_ = now_() + config_.retry;
  if (is_denied(why) || now_() >= give_up_at_)
    end(tl::unexpected(why));
}

void migration_into_lmdb::end(result<uint64_t> outcome) {
  copy_.reset();
  again_ = nullptr;
  phase_ = phase::looking;
  std::exchange(then_, nullptr)(std::move(outcome));
}

// -- whether it may -------------------------------------------------------------------------

void migration_into_lmdb::look() {
  view_cluster(etcd_, keys_, now_() + config_.timeout,
               [this, alive = std::weak_ptr(alive_)](const result<cluster_view>& seen) {
                 if (alive.expired())
                   return;
                 if (seen) {
                   on_view(*seen);
                   return;
                 }
                 again_ = [this] { look(); };
                 later(seen.error());
               });
}

void migration_into_lmdb::on_view(const cluster_view& seen) {
  auto found = judge_cluster(seen, keys_, config_.cluster);
  auto state = found ? copy_state(local_) : tl::unexpected(found.error());
  auto may = state.and_then([&](const auto& x) { return may_start_in(x, found->id); });
  if (!may) {
    end(tl::unexpected(may.error()));
    return;
  }
  cluster_ = found->id;
  see_no_node([this] { find_end(); });
}

void migration_into_lmdb::see_no_node(std::function<void()> then) {
  find_some_node(etcd_, keys_, now_() + config_.timeout,
                 [this, then, alive = std::weak_ptr(alive_)](const auto& node) {
                   if (alive.expired())
                     return;
                   if (!node) {
                     again_ = [this, then] { see_no_node(then); };
                     later(node.error());
                   } else if (node->empty()) {
                     then();
                   } else {
                     end(fail(ec::conflict, "node " + *node + " runs: stop all nodes before"));
                   }
                 });
}

void migration_into_lmdb::find_end() {
  etcd_.read({keys_.data(), prefix_end(keys_.data()), 1, 0}, now_() + config_.timeout,
             [this, alive = std::weak_ptr(alive_)](const result<range_page>& page) {
               if (alive.expired())
                 return;
               if (!page) {
                 again_ = [this] { find_end(); };
                 later(page.error());
                 return;
               }
               goal_ = page->revision;
               replica_config of_copy;
               of_copy.node = "migration";
               of_copy.prefix = config_.prefix;
               of_copy.cluster = cluster_;
               copy_ = std::make_unique<replica>(etcd_, disk_, now_,
                                                 static_cast<replica_listener&>(*this), of_copy);
               phase_ = phase::copying;
             });
}

// -- copying --------------------------------------------------------------------------------

void migration_into_lmdb::copy() {
  copy_->advance();
  copy_->reach(goal_);
  if (copy_->revision() >= goal_)
    check();
  else if (copy_->has_stopped() || now_() >= give_up_at_)
    end(tl::unexpected(trouble_.value_or(error{ec::unavailable, "etcd does not answer"})));
}

/// What comes now must not change what is compared, so the replica ends before.
void migration_into_lmdb::check() {
  phase_ = phase::checking;
  auto at = copy_->revision();
  copy_.reset();
  check_.start(at, [this](result<uint64_t> records) {
    if (records)
      see_no_node([this, all = *records] { finish(all); });
    else
      end(std::move(records));
  });
}

/// From now on it is a store of its own.
void migration_into_lmdb::finish(uint64_t records) {
  auto freed = disk_.forget_origin();
  if (freed)
    end(records);
  else
    end(tl::unexpected(freed.error()));
}

} // namespace shoal::cluster
