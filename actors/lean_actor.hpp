// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/abstract_actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/attachable.hpp>
#include <caf/intrusive/lifo_inbox.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/response_type.hpp>
#include <caf/resumable.hpp>

#include <chrono>

namespace shoal {

/// An actor of about 100 bytes where a stock one of CAF takes more than a thousand, for what exists
/// by the million. It has a mailbox, can be watched, linked, asked and killed, and runs on whatever
/// execution unit wakes it up; it cannot itself ask, watch or change its behaviour. Spawn it with
/// `spawn_lean`; the actor system does not wait for it when it shuts down. (ADR 0010)
class lean_actor : public caf::abstract_actor, public caf::resumable {
public:
  explicit lean_actor(caf::actor_config& cfg);
  ~lean_actor() override = default;

  // -- what CAF calls ----------------------------------------------------------------

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  using caf::abstract_actor::enqueue;
  void attach(caf::attachable_ptr what) final;
  size_t detach(const caf::attachable::token& what) final;
  void add_link(caf::abstract_actor* other) final;
  void remove_link(caf::abstract_actor* other) final;
  bool add_backlink(caf::abstract_actor* other) final;
  bool remove_backlink(caf::abstract_actor* other) final;
  void on_destroy() final;
  resume_result resume(caf::execution_unit* host, size_t throughput) final;
  void intrusive_ptr_add_ref_impl() final;
  void intrusive_ptr_release_impl() final;

  // -- delivery without a message ------------------------------------------------------

  /// Takes the turn of an actor that sleeps, as a message would that wakes it up: until `end_turn`
  /// it runs on this thread and what others send it waits. The caller holds a reference.
  /// @returns whether it slept; if not, send it a message.
  bool begin_turn(caf::execution_unit* host);

  /// Ends the turn; `host` then runs the actor if messages have come in meanwhile.
  void end_turn();

  /// Ends the actor with the turn, as an exception does that a message causes.
  void fail_turn(const std::exception& why);

protected:
  /// Handles one message. @returns whether anybody wanted it.
  virtual bool receive(caf::mailbox_element& x) = 0;

  /// Called once when the actor ends, however it ends, before its watchers hear of it.
  virtual void on_end(const caf::error& reason) = 0;

  /// Ends after the message at hand.
  void quit(caf::error reason = caf::exit_reason::normal);

  /// Calls `f` with the elements of `x` if it consists of `Ts`, and answers with what `f` returns
  /// if `x` is a request. @returns whether it does.
  template <class... Ts, class F>
  bool on(caf::mailbox_element& x, F f) {
    if (!x.content().match_elements<Ts...>())
      return false;
    call<Ts...>(x, f, std::index_sequence_for<Ts...>{});
    return true;
  }

  /// The same for a handler that may keep parts of the first element for itself. Only for messages
  /// that are sent to one receiver.
  template <class First, class... Ts, class F>
  bool on_own(caf::mailbox_element& x, F f) {
    auto& content = x.content();
    if (!content.match_elements<First, Ts...>())
      return false;
    call_own<First, Ts...>(content, f, std::index_sequence_for<Ts...>{});
    return true;
  }

  /// The same for a verb alone.
  template <class Verb, class F>
  bool on_verb(caf::mailbox_element& x, F f) {
    if (!x.content().match_elements<Verb>())
      return false;
    call<>(x, f, std::index_sequence<>{});
    return true;
  }

  /// Sends a message without a sender, so nobody can answer it.
  template <class Handle, class... Ts>
  void send(const Handle& to, Ts&&... xs) {
    static_assert(caf::response_type_unbox<caf::signatures_of_t<Handle>,
                                           caf::detail::type_list<std::decay_t<Ts>...>>::valid,
                  "the receiver does not take this message");
    if (auto* receiver = caf::actor_cast<caf::abstract_actor*>(to))
      receiver->eq_impl(caf::make_message_id(), nullptr, host_, std::forward<Ts>(xs)...);
  }

  /// Sends itself a message later.
  template <class... Ts>
  void send_self(std::chrono::nanoseconds delay, Ts&&... xs) {
    auto& clock = home_system().clock();
    clock.schedule_message(
        clock.now() + delay, caf::strong_actor_ptr{ctrl()},
        caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::forward<Ts>(xs)...));
  }

private:
  /// Whoever waits for the answer to a request that nobody will handle hears so at once.
  struct bouncer {
    void operator()(caf::mailbox_element* x) const noexcept;
  };
  struct inbox_policy {
    using mapped_type = caf::mailbox_element;
    using unique_pointer = std::unique_ptr<caf::mailbox_element, bouncer>;
  };
  using element_ptr = inbox_policy::unique_pointer;

  template <class... Ts, class F, size_t... Is>
  void call(caf::mailbox_element& x, F& f, std::index_sequence<Is...>) {
    auto& content = x.content();
    if constexpr (std::is_void_v<decltype(f(content.template get_as<Ts>(Is)...))>)
      f(content.template get_as<Ts>(Is)...);
    else
      respond(x, f(content.template get_as<Ts>(Is)...));
    static_cast<void>(content);
  }

  template <class First, class... Ts, class F, size_t... Is>
  static void call_own(caf::type_erased_tuple& content, F& f, std::index_sequence<Is...>) {
    f(content.get_mutable_as<First>(0), content.get_as<Ts>(Is + 1)...);
  }

  template <class Reply>
  void respond(const caf::mailbox_element& x, Reply reply) {
    if (x.mid.is_request() && x.sender)
      x.sender->get()->eq_impl(x.mid.response_id(), nullptr, host_, std::move(reply));
  }

  void handle(element_ptr x);
  void settle();
  void handle_unknown(caf::mailbox_element& x);
  void end(const caf::error& reason);

  caf::intrusive::lifo_inbox<inbox_policy> inbox_;
  caf::attachable_ptr attached_;        // Guarded by mtx_.
  caf::error reason_;                   // Guarded by mtx_ once the actor has ended.
  caf::execution_unit* host_ = nullptr; // While it runs.
};

/// Spawns a lean actor that is woken up by its first message.
template <class Actor, class Handle, class... Ts>
Handle spawn_lean(caf::actor_system& sys, Ts&&... xs) {
  caf::actor_config cfg;
  cfg.flags |= caf::abstract_channel::is_hidden_flag;
  auto made = caf::make_actor<Actor, caf::strong_actor_ptr>(sys.next_actor_id(), sys.node(), &sys,
                                                            cfg, std::forward<Ts>(xs)...);
  return caf::actor_cast<Handle>(std::move(made));
}

} // namespace shoal
