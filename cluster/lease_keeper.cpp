// SPDX-License-Identifier: Apache-2.0
#include "cluster/lease_keeper.hpp"

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;
using namespace std::chrono_literals;

lease_keeper::lease_keeper(store& store, const lease_config& config, const clock& now)
    : store_{store}, config_{config}, now_{now} {}

void lease_keeper::advance() {
  auto now = now_();
  if (waiting_ || ended_ || now < next_)
    return;
  waiting_ = true;
  next_ = now + config_.period;
  lease_ == 0 ? grant(now) : renew(now);
}

void lease_keeper::extend(mono_time asked, std::chrono::seconds left) {
  auto margin = config_.broken == flaw::lease_without_margin ? 0ms : config_.margin;
  auto from = config_.broken == flaw::lease_from_answer ? now_() : asked;
  until_ = std::max(until_, from + std::min(left, config_.ttl) - margin);
}

void lease_keeper::grant(mono_time now) {
  auto ttl_s = static_cast<uint32_t>(config_.ttl.count());
  store_.grant(ttl_s, now + config_.timeout,
               [this, now, alive = std::weak_ptr(alive_)](result<lease_id> answer) {
                 if (alive.expired())
                   return;
                 waiting_ = false;
                 if (!answer || ended_) // One that nobody renews ends by itself.
                   return;
                 lease_ = *answer;
                 until_ = {};
                 ++generation_;
                 extend(now, config_.ttl);
               });
}

void lease_keeper::renew(mono_time now) {
  store_.keep_alive(lease_, now + config_.timeout,
                    [this, now, alive = std::weak_ptr(alive_)](result<uint32_t> answer) {
                      if (alive.expired())
                        return;
                      waiting_ = false;
                      if (answer) {
                        extend(now, std::chrono::seconds{*answer});
                        return;
                      }
                      // Time is short: once more at the next call.
                      next_ = now_();
                      if (answer.error().code == ec::not_found)
                        lease_ = 0;
                    });
}

void lease_keeper::end(std::function<void()> then) {
  ended_ = true;
  auto lease = std::exchange(lease_, 0);
  if (lease == 0) {
    then();
    return;
  }
  store_.revoke(lease, now_() + config_.timeout,
                [then = std::move(then), alive = std::weak_ptr(alive_)](result<uint64_t>) {
                  if (!alive.expired())
                    then();
                });
}

} // namespace shoal::cluster
