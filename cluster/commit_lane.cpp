// SPDX-License-Identifier: Apache-2.0
#include "cluster/commit_lane.hpp"

namespace shoal::cluster {

using namespace coordination;

void commit_lane::send(transaction what, callback then) {
  what_ = std::move(what);
  then_ = std::move(then);
  tag_ = std::to_string(how_.incarnation) + ' ' + std::to_string(++number_);
  if (is_known_)
    submit();
  else
    read();
}

void commit_lane::advance() {
  if (is_lost_ && !is_asking_ && now_() >= ask_at_)
    fence();
}

void commit_lane::finish(ending how) {
  is_lost_ = false;
  what_ = {};
  auto then = std::exchange(then_, nullptr);
  then(std::move(how));
}

/// What a former process of this node has left.
void commit_lane::read() {
  store_.read({how_.key, how_.key + '\0', 1, 0}, now_() + how_.timeout,
              [this, alive = std::weak_ptr(alive_)](result<range_page> answer) {
                if (alive.expired())
                  return;
                if (!answer) {
                  finish({fail(ec::unavailable, answer.error().detail)});
                  return;
                }
                revision_ = answer->keys.empty() ? 0 : answer->keys[0].mod_revision;
                is_known_ = true;
                submit();
              });
}

void commit_lane::submit() {
  auto what = what_;
  what.when.push_back({how_.key, condition::what::mod_revision, revision_});
  what.then.push_back({how_.key, tag_, 0});
  what.on_failure.push_back(how_.key);
  auto sent = now_();
  store_.commit(std::move(what), sent + how_.timeout,
                [this, sent, alive = std::weak_ptr(alive_)](result<transaction_result> answer) {
                  if (alive.expired())
                    return;
                  if (how_.meters && answer)
                    how_.meters->round_trip(now_() - sent);
                  on_answer(std::move(answer));
                });
}

void commit_lane::on_answer(result<transaction_result> answer) {
  if (answer && !answer->succeeded) {
    on_failed(std::move(*answer));
    return;
  }
  if (answer) {
    revision_ = answer->revision;
    finish({std::move(answer)});
    return;
  }
  auto why = answer.error().code;
  if (why != ec::timeout && why != ec::shutting_down) {
    finish({tl::unexpected(answer.error())});
    return;
  }
  is_known_ = false; // For those who do not find out.
  if (how_.broken == flaw::unknown_is_failure)
    finish({fail(ec::unavailable)});
  else if (how_.broken == flaw::unknown_is_success)
    finish({transaction_result{true, revision_ + 1, {}}});
  else if (how_.broken == flaw::retries_blindly)
    finish({fail(ec::unavailable), true});
  else
    is_known_ = is_lost_ = true;
}

void commit_lane::on_failed(transaction_result answer) {
  auto lane = std::move(answer.read.back());
  answer.read.pop_back();
  revision_ = lane ? lane->mod_revision : 0;
  // It got there twice on its way.
  if (lane && lane->value == tag_)
    finish({transaction_result{true, revision_, {}}});
  else
    finish({std::move(answer)});
}

void commit_lane::fence() {
  is_asking_ = true;
  transaction what{{{how_.key, condition::what::mod_revision, revision_}},
                   {{how_.key, fence_tag(), 0}},
                   {how_.key}};
  store_.commit(std::move(what), now_() + how_.timeout,
                [this, alive = std::weak_ptr(alive_)](const auto& answer) {
                  if (!alive.expired())
                    on_fence(answer);
                });
}

void commit_lane::on_fence(const result<transaction_result>& answer) {
  is_asking_ = false;
  if (!answer) {
    ask_at_ = now_() + how_.retry;
    return;
  }
  if (answer->succeeded) {
    revision_ = answer->revision;
    finish({fail(ec::unavailable, "etcd did not answer"), true});
    return;
  }
  auto& lane = answer->read[0];
  revision_ = lane ? lane->mod_revision : 0;
  if (lane && lane->value == tag_)
    finish({transaction_result{true, revision_, {}}});
  else if (lane && lane->value == fence_tag()) // An earlier one that was not answered.
    finish({fail(ec::unavailable, "etcd did not answer"), true});
  else
    finish({fail(ec::timeout, "another process commits under this node's id")});
}

} // namespace shoal::cluster
