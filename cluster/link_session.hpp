// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link.hpp"
#include "cluster/link_config.hpp"
#include "cluster/link_frame.hpp"
#include "cluster/link_lane.hpp"

#include <set>
#include <unordered_map>

namespace shoal::cluster {

/// Why a hello is not accepted; `text` is for people, on both sides.
struct link_rejection {
  link_refusal reason;
  std::string text;
};

/// One connection between two nodes, from its first byte to its last, without a socket and with the
/// time passed in.
///
///     dialer                      acceptor
///     hello -------------------->  judges
///     judges <-------------------  hello, or farewell and the end
///     heartbeat ---------------->  up
///     up
///
/// The acceptor says nothing before it has accepted the dialer's hello, and is up only when it
/// knows that its own was accepted.
class link_session : public std::enable_shared_from_this<link_session> {
public:
  enum class role : uint8_t { dials, accepts };

  /// Knows the other links and what the messages mean.
  class owner {
  public:
    virtual ~owner() = default;

    /// Looks at a hello that is for this cluster and this version.
    virtual std::optional<link_rejection> judge(const link_session& from, const link_hello& x) = 0;
    virtual void up(link_session& from) = 0;
    /// Once for each session, whether it was up or not.
    virtual void down(link_session& from, const error& why) = 0;
    virtual void request(link_session& from, uint64_t id, const link_message& x) = 0;
    virtual void notice(link_session& from, const link_message& x) = 0;
  };

  struct plan {
    link_identity self;
    link_timing timing;
    role side = role::accepts;
    std::string wanted;   ///< Whom the dialer wants.
    uint64_t attempt = 0; ///< Of the dialer.
    link_certificate certificate;
  };

  /// @param who outlives this.
  link_session(owner& who, plan what, mono_time now);

  // -- for the transport: it calls these from one thread, and not from within `owner`

  /// Begins; a dialer says its hello.
  void start();
  void received(std::string_view bytes, mono_time now);

  /// Appends what is to be written now, some 256 KiB at most. What was taken may have arrived.
  void take_output(std::string& out, mono_time now);

  /// Whether the transport is to end once nothing more comes from `take_output`.
  bool is_closing() const { return state_ == state::closing; }

  /// The transport has ended.
  void lost(const error& why);

  void tick(mono_time now);

  /// When `tick` has something to do at the latest.
  mono_time next_tick() const;

  /// @param wake called whenever there may be something to take; must not call back.
  void on_output(std::function<void()> wake) { wake_ = std::move(wake); }

  // -- for the owner

  /// The callback is called once, maybe from within.
  void call(uint16_t kind, std::string body, mono_time deadline, links::callback then,
            mono_time now);

  /// @returns whether there was room.
  bool tell(uint16_t kind, std::string body);

  /// Answers a request; too late, it changes nothing.
  void answer(uint64_t id, result<std::string> what);

  /// Ends it, with a farewell unless the other side is still a stranger.
  void close(link_refusal reason, std::string text);

  bool is_up() const { return state_ == state::up; }
  bool was_up() const { return was_up_; }
  role side() const { return plan_.side; }
  const plan& plan_of() const { return plan_; }
  const link_hello& other() const { return hello_; } ///< After its hello.
  uint32_t version() const { return version_; }
  std::optional<link_refusal> said() const { return said_; }   ///< Our farewell.
  std::optional<link_refusal> heard() const { return heard_; } ///< Theirs.
  mono_time up_since() const { return up_since_; }
  link_numbers numbers() const;

private:
  enum class state : uint8_t { awaits_hello, confirming, up, closing, dead };

  struct pending {
    links::callback then;
    mono_time deadline;
    link_item* queued; ///< Null once it may have arrived.
  };

  struct opened {
    uint64_t cost;
    mono_time deadline;
  };

  using by_time = std::set<std::pair<mono_time, uint64_t>>;

  void on(const link_hello& x);
  void on(const link_farewell& x);
  void on(const link_heartbeat& x);
  void on(const link_credit& x);
  void on(const link_request& x);
  void on(const link_answer& x);
  void on(const link_failure& x);
  void on(const link_notice& x);

  std::optional<link_rejection> judge(const link_hello& x) const;
  void say(const link_frame& x);
  void say_hello();
  void become_up();
  void heartbeat();
  void wrong(const std::string& what);
  void end(const error& why);
  void fail_all(const error& why);
  bool take_in(link_intake& lane, size_t body_bytes);
  void answered(uint64_t id, size_t body_bytes, result<std::string> what);
  void expire_calls();
  void expire_requests();
  void push_failure(uint64_t id, uint64_t cost, ec code, std::string text);
  void say_credit();
  void put(const link_item& x, std::string& out, mono_time now);
  void wake() const;

  owner& owner_;
  const plan plan_;
  std::function<void()> wake_;
  state state_ = state::awaits_hello;
  mono_time now_;
  mono_time began_;
  mono_time up_since_{};
  mono_time heard_at_;
  mono_time heartbeat_at_{};
  uint64_t stamp_ = 0; ///< Of the heartbeat that has no echo yet; 0: none.
  std::optional<uint64_t> echo_;
  link_hello hello_;
  uint32_t version_ = 0;
  bool was_up_ = false;
  std::optional<link_refusal> said_;
  std::optional<link_refusal> heard_;

  link_frame_reader reader_;
  std::string control_; ///< Goes before messages.
  link_lane asks_;
  link_lane answers_;
  link_intake asked_;
  link_intake answered_;
  uint64_t last_id_ = 0;       ///< Of our requests.
  uint64_t last_other_id_ = 0; ///< Of theirs.
  std::unordered_map<uint64_t, pending> pending_;
  std::unordered_map<uint64_t, opened> open_;
  by_time pending_times_;
  by_time open_times_;
  link_numbers numbers_;
};

} // namespace shoal::cluster
