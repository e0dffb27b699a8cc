// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/error.hpp"
#include "actors/loop_unit.hpp"
#include "actors/shard.hpp"
#include "core/defaults.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <vector>

namespace shoal {

/// Whoever waits at an edge for the answer to an announce.
class announce_sink {
public:
  virtual ~announce_sink() = default;

  /// Called once on the edge's thread. No reply means that none came in time.
  virtual void on_reply(announce_reply* reply) = 0;
};

/// How an I/O thread talks to actors. Everything but the constructor belongs to that thread;
/// answers come back on it while it runs its loop_unit.
class edge_port {
public:
  /// @param directory, shards outlive the port. @param wake see loop_unit.
  edge_port(caf::actor_system& sys, const swarm_directory& directory,
            const std::array<shard_actor, slot_count>& shards, std::function<void()> wake);

  /// Only while the actor system runs, on the port's thread or after that has ended. Whoever still
  /// waits is not told.
  ~edge_port();

  loop_unit& loop() { return loop_; }

  /// Sends an announce to its swarm (or to the shard that spawns it) and remembers who waits.
  void announce(announce_request req, const swarm_actor& swarm, announce_sink& sink, mono_time now);

  /// Gives up on announces that were sent before `now` minus the request timeout.
  void sweep(mono_time now);

  /// Announces without an answer yet.
  size_t pending() const { return pending_count_; }

  /// Asks an actor; `done` gets its answer, or an error after the request timeout at the latest.
  /// @param elsewhere resume the actor on CAF's scheduler, because it may take its time.
  template <class Reply, class Target, class Message, class Done>
  void ask(const Target& target, Message&& message, Done done, bool elsewhere = false) {
    auto* self = this->self();
    self->context(elsewhere ? nullptr : &loop_);
    self->request(target, caf::duration{defaults::request_timeout}, std::forward<Message>(message))
        .then([done](Reply& reply) mutable { done(result<Reply>{std::move(reply)}); },
              [done](caf::error& reason) mutable {
                done(result<Reply>{tl::unexpected{from_caf(reason)}});
              });
    self->context(&loop_);
  }

  /// Tells an actor without waiting for an answer.
  template <class Target, class Message>
  void tell(const Target& target, Message&& message) {
    auto* self = this->self();
    self->context(&loop_);
    self->send(target, std::forward<Message>(message));
  }

private:
  class edge;
  friend class edge;

  edge_actor::base* self() const;
  void on_reply(announce_reply& reply);
  announce_sink* take(uint64_t exchange);

  struct slot {
    announce_sink* sink = nullptr;
    uint32_t generation = 0;
    mono_time sent_at;
  };

  const swarm_directory& directory_;
  const std::array<shard_actor, slot_count>& shards_;
  loop_unit loop_;
  edge_actor edge_;
  std::vector<slot> pending_; // An exchange number is an index and its generation.
  std::vector<uint32_t> free_;
  size_t pending_count_ = 0;
  bool edge_ended_ = false;
};

} // namespace shoal
