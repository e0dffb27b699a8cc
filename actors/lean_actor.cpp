// SPDX-License-Identifier: Apache-2.0
#include "actors/lean_actor.hpp"

#include "core/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/default_attachable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/system_messages.hpp>

#include <utility>

namespace shoal {

namespace {

void reply_with(const caf::mailbox_element& x, caf::error reason) {
  if (x.mid.is_request() && x.sender)
    x.sender->get()->eq_impl(x.mid.response_id(), nullptr, nullptr, std::move(reason));
}

} // namespace

void lean_actor::bouncer::operator()(caf::mailbox_element* x) const noexcept {
  reply_with(*x, make_error(caf::sec::request_receiver_down));
  caf::detail::disposer{}(x);
}

lean_actor::lean_actor(caf::actor_config& cfg) : caf::abstract_actor(cfg) {
  inbox_.try_block(); // So that the first message wakes it up.
}

void lean_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (inbox_.push_front(what.release()) != caf::intrusive::inbox_result::unblocked_reader)
    return;
  intrusive_ptr_add_ref_impl(); // The unit's.
  if (host)
    host->exec_later(this);
  else
    home_system().scheduler().enqueue(this);
}

caf::resumable::resume_result lean_actor::resume(caf::execution_unit* host, size_t) {
  // What has come until now is one batch, whatever the throughput: there is no place to keep a
  // rest, and a batch is bounded by the requests that are under way.
  caf::mailbox_element* batch = nullptr;
  for (auto* x = inbox_.take_head(); x != nullptr;) {
    auto* older = static_cast<caf::mailbox_element*>(x->next);
    x->next = batch;
    batch = x;
    x = older;
  }
  host_ = host;
  while (batch != nullptr) {
    element_ptr x{std::exchange(batch, static_cast<caf::mailbox_element*>(batch->next))};
    handle(std::move(x)); // Bounces it if an earlier one was the end.
  }
  host_ = nullptr;
  if (getf(is_terminated_flag))
    return done;
  return inbox_.try_block() ? awaiting_message : resume_later;
}

bool lean_actor::begin_turn(caf::execution_unit* host) {
  if (!inbox_.try_unblock())
    return false;
  host_ = host;
  return true;
}

void lean_actor::end_turn() {
  settle();
  auto* host = std::exchange(host_, nullptr);
  if (getf(is_terminated_flag) || inbox_.try_block())
    return;
  intrusive_ptr_add_ref_impl(); // The unit's.
  host->exec_later(this);
}

void lean_actor::fail_turn(const std::exception& why) {
  log::error("lean_actor", "ends with an exception what=\"{}\"", why.what());
  quit(caf::exit_reason::unhandled_exception);
}

/// Ends the actor if what it has just handled was its last.
void lean_actor::settle() {
  if (getf(is_shutting_down_flag))
    end(std::exchange(reason_, caf::error{}));
}

void lean_actor::handle(element_ptr x) {
  if (getf(is_terminated_flag))
    return;
  try {
    if (!receive(*x))
      handle_unknown(*x);
  } catch (const std::exception& e) {
    fail_turn(e);
  }
  // Handled: nothing to bounce.
  caf::detail::disposer{}(x.release());
  settle();
}

void lean_actor::handle_unknown(caf::mailbox_element& x) {
  auto& content = x.content();
  if (content.match_elements<caf::exit_msg>()) {
    auto& reason = content.get_as<caf::exit_msg>(0).reason;
    if (reason)
      quit(reason);
  } else {
    reply_with(x, make_error(caf::sec::unexpected_message));
  }
}

void lean_actor::quit(caf::error reason) {
  setf(is_shutting_down_flag);
  reason_ = std::move(reason);
}

void lean_actor::end(const caf::error& reason) {
  on_end(reason);
  caf::attachable_ptr watchers;
  {
    std::lock_guard guard{mtx_};
    setf(is_terminated_flag);
    reason_ = reason;
    watchers.swap(attached_);
  }
  inbox_.close();
  for (auto* x = watchers.get(); x != nullptr; x = x->next.get())
    x->actor_exited(reason, host_);
}

void lean_actor::on_destroy() {
  if (!getf(is_terminated_flag))
    end(caf::exit_reason::unreachable);
}

void lean_actor::attach(caf::attachable_ptr what) {
  caf::error reason;
  {
    std::lock_guard guard{mtx_};
    if (!getf(is_terminated_flag)) {
      what->next = std::move(attached_);
      attached_ = std::move(what);
      return;
    }
    reason = reason_;
  }
  what->actor_exited(reason, nullptr);
}

size_t lean_actor::detach(const caf::attachable::token& what) {
  std::lock_guard guard{mtx_};
  size_t removed = 0;
  for (auto* at = &attached_; *at;) {
    if ((*at)->matches(what)) {
      *at = std::move((*at)->next);
      ++removed;
    } else {
      at = &(*at)->next;
    }
  }
  return removed;
}

void lean_actor::add_link(caf::abstract_actor* other) {
  if (other != this && other->add_backlink(this))
    attach(caf::default_attachable::make_link(address(), other->address()));
}

void lean_actor::remove_link(caf::abstract_actor* other) {
  other->remove_backlink(this);
  remove_backlink(other);
}

bool lean_actor::add_backlink(caf::abstract_actor* other) {
  attach(caf::default_attachable::make_link(address(), other->address()));
  return !getf(is_terminated_flag);
}

bool lean_actor::remove_backlink(caf::abstract_actor* other) {
  caf::default_attachable::observe_token token{other->address(), caf::default_attachable::link};
  return detach(token) > 0;
}

void lean_actor::intrusive_ptr_add_ref_impl() {
  caf::intrusive_ptr_add_ref(ctrl());
}

void lean_actor::intrusive_ptr_release_impl() {
  caf::intrusive_ptr_release(ctrl());
}

} // namespace shoal
