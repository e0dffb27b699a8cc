// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/error.hpp"
#include "actors/loop_unit.hpp"
#include "actors/shard.hpp"
#include "core/clock.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <span>
#include <vector>

namespace shoal {

/// Whoever waits at an edge for the answer to an announce.
class announce_sink {
public:
  virtual ~announce_sink() = default;

  /// Called once on the edge's thread. No reply means that none came in time.
  virtual void on_reply(announce_reply* reply) = 0;

  /// Called instead if the swarm was in doubt (edge_inquiry) and nobody has it registered.
  virtual void on_unregistered() { on_reply(nullptr); }
};

/// Whoever waits at an edge for the numbers of several swarms.
class scrape_sink {
public:
  virtual ~scrape_sink() = default;

  /// Called on the edge's thread for each swarm that answers in time.
  virtual void on_numbers(uint32_t index, const swarm_numbers& numbers) = 0;

  /// Called once at the end, whether or not all have answered.
  virtual void on_scraped() = 0;
};

/// A swarm of a scrape, and the place that its numbers take in it.
struct scraped_swarm {
  uint32_t index = 0;
  swarm_actor swarm;   ///< Invalid: another node has it, see `edge_port::is_elsewhere`.
  info_hash hash = {}; ///< Only looked at then.
};

class edge_inquiry;
class edge_relay;
class relay_hub;
struct inquiry_desk;

/// How an I/O thread talks to actors. Everything but the constructor belongs to that thread;
/// answers come back on it in `run`.
///
/// An announce is the message that there are most of. It is not put into the mailbox of a swarm
/// that sleeps: the port takes the swarm's turn, as the message would, and calls its handler. A
/// batch of them goes through the processor's caches step by step, so that memory that nobody has
/// touched for a while arrives while others are looked at. (ADR 0014)
class edge_port {
public:
  /// @param shards outlive the port. @param wake see loop_unit.
  edge_port(caf::actor_system& sys, const std::array<shard_actor, slot_count>& shards,
            std::function<void()> wake);

  /// From now on swarms may be other nodes'. @param directory, hub outlive the port.
  void join(const swarm_directory& directory, relay_hub& hub);

  /// From now on a hash that the directory does not have may be registered all the same.
  /// @param desk outlives the port.
  void doubt(inquiry_desk& desk);

  /// How to ask about such a hash; null: the directory is right.
  edge_inquiry* inquiry() { return inquiry_.get(); }

  /// Only while the actor system runs, on the port's thread or after that has ended. Whoever still
  /// waits is not told.
  ~edge_port();

  loop_unit& loop() { return loop_; }

  /// Takes an announce for its swarm (or for the shard that spawns it, or for the node that has
  /// it); `run` delivers it.
  void announce(announce_request req, const swarm_actor& swarm, announce_sink& sink, mono_time now);

  /// The same if this node is to answer, whoever's slot it is.
  void announce_here(announce_request req, const swarm_actor& swarm, announce_sink& sink,
                     mono_time now);

  /// Whether another node must be asked about a swarm.
  bool is_elsewhere(const info_hash& swarm) const;

  /// Delivers announces and runs the actors that are due on this thread. `sink`s get answers here.
  /// @param clock of what waits for other nodes; virtual in tests.
  /// @returns whether there is more to do.
  bool run(mono_time (*clock)() = mono_now);

  /// As the clock of the last `run` has it.
  mono_time now() const { return clock_(); }

  /// @param known what the directory has. @returns how to ask for a swarm's numbers; nothing if it
  /// has none.
  std::optional<scraped_swarm> plan_scrape(uint32_t index, const info_hash& swarm,
                                           swarm_actor known) const;

  /// Asks swarms for their numbers. @param swarms at least one.
  void scrape(std::span<const scraped_swarm> swarms, scrape_sink& sink, mono_time now);

  /// Gives up on what was sent before `now` minus the request timeout.
  void sweep(mono_time now);

  /// Announces, scrapes and questions without an answer yet.
  size_t pending() const;

  /// Asks an actor; `done` gets its answer once, or an error if `sweep` gives up on it.
  /// A timer of CAF's for each question would cost more than most answers: they pass through one
  /// thread for all.
  /// @param elsewhere resume the actor on CAF's scheduler, because it may take its time.
  template <class Reply, class Target, class Message, class Done>
  void ask(const Target& target, Message&& message, Done done, bool elsewhere = false) {
    auto index = open(now());
    pending_[index].ask = std::make_unique<asker_with<Reply, Done>>(std::move(done));
    auto number = number_of(index);
    auto* self = this->self();
    self->context(elsewhere ? nullptr : &loop_);
    self->request(target, caf::infinite, std::forward<Message>(message))
        .then([this, number](Reply& reply) { answer(number, result<Reply>{std::move(reply)}); },
              [this, number](caf::error& reason) {
                answer(number, result<Reply>{tl::unexpected{from_caf(reason)}});
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

  /// The same for another node, which is not sent elsewhere again.
  void scrape_all_here(std::span<const scraped_swarm> swarms, scrape_sink& sink, mono_time now);

  /// Asks a swarm of this node for a scrape that waits for it.
  void scrape_here(uint64_t exchange, const scraped_swarm& one);

  /// Numbers of a swarm that another node has been asked for. Once for each such swarm.
  void on_reply(const scrape_reply& reply);

private:
  class edge;
  friend class edge;

  /// Whoever waits at an edge for the answer to `ask`.
  struct asker {
    virtual ~asker() = default;
    virtual void give_up() = 0;
  };

  template <class Reply>
  struct asker_for : asker {
    virtual void on_answer(result<Reply> answer) = 0;
    void give_up() override { on_answer(fail(ec::timeout, "an actor did not answer")); }
  };

  template <class Reply, class Done>
  struct asker_with final : asker_for<Reply> {
    explicit asker_with(Done d) : done{std::move(d)} {}
    void on_answer(result<Reply> answer) override { done(std::move(answer)); }

    Done done;
  };

  /// An exchange; somebody waits while it lasts.
  struct slot {
    announce_sink* announce = nullptr;
    scrape_sink* scrape = nullptr;
    std::unique_ptr<asker> ask;
    uint32_t waiting = 0; // Swarms that have not answered a scrape.
    uint32_t generation = 0;
    mono_time sent_at;

    bool taken() const { return announce || scrape || ask; }
  };

  /// An announce on its way to its swarm.
  struct planned_announce {
    announce_request request;
    swarm_actor to;
    announce_sink* sink;
    mono_time taken_at;
    swarm* mine = nullptr; // Its turn is ours.
  };

  /// An exchange's number is of one kind of answer: nobody else is given it.
  template <class Reply>
  void answer(uint64_t number, result<Reply> reply) {
    auto* place = find(number);
    if (place == nullptr)
      return;
    auto waiting = std::move(place->ask);
    close(*place);
    static_cast<asker_for<Reply>&>(*waiting).on_answer(std::move(reply));
  }

  edge_actor::base* self() const;
  void deliver();
  void take_turns();
  bool answered_in_turn(planned_announce& p);
  void post(planned_announce& p);
  void on_reply(announce_reply& reply);
  uint32_t open(mono_time now);
  uint64_t open_scrape(size_t swarms, scrape_sink& sink, mono_time now);
  uint64_t number_of(uint32_t index) const;
  slot* find(uint64_t exchange);
  void close(slot& place);
  void give_up(slot& place);

  const std::array<shard_actor, slot_count>& shards_;
  std::function<void()> wake_;
  loop_unit loop_;
  std::unique_ptr<edge_relay> relay_;     // Null: there is no cluster.
  std::unique_ptr<edge_inquiry> inquiry_; // The same.
  edge_actor edge_;
  mono_time (*clock_)() = mono_now;
  std::vector<planned_announce> planned_;
  std::vector<planned_announce> delivered_; // Scratch space of `deliver`, as is `reply_`.
  announce_reply reply_;
  std::vector<slot> pending_; // An exchange number is an index and its generation.
  std::vector<uint32_t> free_;
  size_t pending_count_ = 0;
  bool edge_ended_ = false;
};

} // namespace shoal
