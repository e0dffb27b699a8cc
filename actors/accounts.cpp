// SPDX-License-Identifier: Apache-2.0
#include "actors/accounts.hpp"

#include "actors/error.hpp"
#include "core/defaults.hpp"
#include "persistence/records.hpp"

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

result<commit_request> accounts::plan(const std::vector<usage_entry>& batch) const {
  commit_request commit;
  for (auto& [user, delta] : batch) {
    auto found = config_.store->get(table::users, user);
    if (!found)
      return tl::unexpected{found.error()};
    usage_record record;
    record.first_seen = config_.now();
    if (*found) {
      auto old = decode_usage((*found)->value);
      if (!old)
        return tl::unexpected{old.error()};
      record = *old;
    }
    record.uploaded_bytes = saturating_add(record.uploaded_bytes, delta.uploaded_bytes);
    record.downloaded_bytes = saturating_add(record.downloaded_bytes, delta.downloaded_bytes);
    record.last_seen = config_.now();
    commit.guards.push_back({table::users, user, *found ? (*found)->revision : 0});
    commit.mutations.push_back({table::users, user, encode(record)});
  }
  return commit;
}

void accounts::flush(std::vector<promise> waiting) {
  flushing_ = true;
  auto batch = ledger_.take(users_per_commit);
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
  request(config_.writer, defaults::request_timeout, std::move(*commit))
      .then([=, this](uint64_t) { flush(waiting); },
            [=, this](const caf::error& reason) {
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
    flush(std::move(next));
}

void accounts::arm() {
  if (!std::exchange(armed_, true))
    delayed_send(this, config_.flush_period, atom::tick::value);
}

accounts::behavior_type accounts::make_behavior() {
  return {
      [this](const user_traffic& x) {
        if (!ledger_.add(x.user, {x.uploaded, x.downloaded}))
          dropped_.add();
        arm();
      },
      [this](atom::flush) {
        auto answer = make_response_promise<promise>();
        if (flushing_)
          waiters_.push_back(answer);
        else
          flush({answer});
        return answer;
      },
      [this](atom::tick) {
        armed_ = false;
        if (!flushing_)
          flush({});
        else
          arm();
      },
  };
}

} // namespace shoal
