// SPDX-License-Identifier: Apache-2.0
#include "actors/accounts.hpp"

#include "actors/error.hpp"
#include "core/log.hpp"
#include "persistence/records.hpp"

#include <caf/sec.hpp>

#include <algorithm>

namespace shoal {

namespace {

constexpr size_t users_per_commit = 256;

uint64_t saturating_add(uint64_t a, uint64_t b) {
  return a + b < a ? UINT64_MAX : a + b;
}

} // namespace

accounts::accounts(caf::actor_config& cfg, accounts_config config, metrics::registry* metrics)
    : accounts_actor::base(cfg), config_{std::move(config)},
      dropped_{metrics->add_counter("shoal_usage_dropped_total",
                                    "Traffic reports lost because too many users were pending")} {}

result<commit_request> accounts::plan(const std::vector<usage_entry>& batch) {
  commit_request commit;
  for (auto& [user, delta] : batch) {
    auto found = config_.store->get(table::users, user);
    result<usage_record> old;
    if (!found)
      old = tl::unexpected{found.error()};
    else if (*found)
      old = decode_usage((*found)->value);
    else
      old->first_seen = config_.now();
    if (!old && old.error().code == ec::corrupt) {
      // One damaged account must not keep the others from being written.
      log::error("accounts", "drops traffic of a damaged account error=\"{}\"",
                 to_string(old.error()));
      dropped_.add();
      continue;
    }
    if (!old)
      return tl::unexpected{old.error()};
    old->uploaded_bytes = saturating_add(old->uploaded_bytes, delta.uploaded_bytes);
    old->downloaded_bytes = saturating_add(old->downloaded_bytes, delta.downloaded_bytes);
    old->last_seen = config_.now();
    commit.guards.push_back({table::users, user, *found ? (*found)->revision : 0});
    commit.mutations.push_back({table::users, user, encode(*old)});
  }
  return commit;
}

void accounts::flush(std::vector<promise> waiting, size_t users) {
  flushing_ = true;
  auto batch = ledger_.take(std::min(users, users_per_commit));
  users -= batch.size();
  if (batch.empty()) {
    end_flush(std::move(waiting), {});
    return;
  }
  auto commit = plan(batch);
  if (!commit) {
    ledger_.give_back(batch);
    end_flush(std::move(waiting), to_caf(commit.error()));
    return;
  }
  request(config_.writer, commit_timeout, std::move(*commit))
      .then([=, this](uint64_t) { flush(waiting, users); },
            [=, this](const caf::error& reason) {
              // After a timeout the commit may still happen: rather lost than booked twice.
              if (reason == caf::sec::request_timeout)
                dropped_.add(batch.size());
              else
                ledger_.give_back(batch);
              end_flush(waiting, reason);
            });
}

void accounts::end_flush(std::vector<promise> waiting, const caf::error& failure) {
  flushing_ = false;
  for (auto& answer : waiting) {
    if (failure)
      answer.deliver(failure);
    else
      answer.deliver(atom::flush::value);
  }
  if (failure)
    arm();
  if (auto next = std::exchange(waiters_, {}); !next.empty())
    flush(std::move(next), ledger_.size());
}

void accounts::arm() {
  if (!std::exchange(armed_, true))
    delayed_send(this, config_.flush_period, atom::tick::value);
}

// -- in a cluster ----------------------------------------------------------------------

void accounts::count(const user_traffic& x) {
  cluster::counter_amounts more;
  more.uploaded_bytes = x.uploaded;
  more.downloaded_bytes = x.downloaded;
  more.at = config_.now();
  if (!config_.cluster->count({table::users, x.user}, more))
    dropped_.add();
}

void accounts::flush_cluster(promise answer) {
  cluster_flushes_.push_back(std::move(answer));
  auto me = caf::actor_cast<accounts_actor>(this);
  config_.cluster->flush(
      [me](const result<void>& how) { caf::anon_send(me, counters_flushed{how.has_value()}); });
}

void accounts::end_cluster_flush(bool written) {
  if (cluster_flushes_.empty())
    return;
  auto answer = std::move(cluster_flushes_.front());
  cluster_flushes_.pop_front();
  if (written)
    answer.deliver(atom::flush::value);
  else
    answer.deliver(to_caf({ec::unavailable, "counters wait for etcd"}));
}

accounts::behavior_type accounts::make_behavior() {
  return {
      [this](const user_traffic& x) {
        if (counts_in_cluster())
          return count(x);
        if (!ledger_.add(x.user, {x.uploaded, x.downloaded}))
          dropped_.add();
        arm();
      },
      [this](atom::flush) {
        auto answer = make_response_promise<promise>();
        if (counts_in_cluster())
          flush_cluster(answer);
        else if (flushing_)
          waiters_.push_back(answer);
        else
          flush({answer}, ledger_.size());
        return answer;
      },
      [this](atom::tick) {
        armed_ = false;
        if (!flushing_)
          flush({}, ledger_.size());
        else
          arm();
      },
      [this](const counters_flushed& x) { end_cluster_flush(x.written); },
  };
}

} // namespace shoal
