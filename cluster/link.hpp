// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the layer above sees of the links between nodes. `link_hub` does it over TLS; the
/// simulation does it without a network.
namespace shoal::cluster {

/// A node to be linked with, as its record says.
struct link_peer {
  std::string node;
  uint64_t incarnation = 0;
  std::vector<std::string> addresses; ///< "host:port", tried in their order.

  bool operator==(const link_peer&) const = default;
};

/// @returns whether whoever asked may believe that nothing was done.
constexpr bool says_not_done(ec x) {
  return x == ec::unavailable || x == ec::busy || x == ec::too_large;
}

/// Where a handler leaves the answer to a request: once, from any thread. Whoever drops it without
/// a word has it answered with ec::timeout, as nobody knows what was done.
class link_reply {
public:
  using sender = std::function<void(result<std::string>)>;

  explicit link_reply(sender send) : send_{std::make_shared<once>(std::move(send))} {}

  /// Later calls change nothing. What would say that nothing was done becomes ec::timeout, and so
  /// does a body beyond limits::link_body_bytes_max.
  void operator()(result<std::string> answer) const { send_->give(unsure(std::move(answer))); }

  /// The handler has done nothing and never will. Later calls change nothing.
  void refuse(ec code, std::string why) const { send_->give(fail(code, std::move(why))); }

  /// @returns the same, without a promise that nothing was done.
  static result<std::string> unsure(result<std::string> x) {
    if (!x && says_not_done(x.error().code))
      x.error() = {ec::timeout, std::string{name(x.error().code)} + ": " + x.error().detail};
    return x;
  }

private:
  struct once {
    explicit once(sender s) : send{std::move(s)} {}
    once(const once&) = delete;
    once& operator=(const once&) = delete;
    ~once() { give(fail(ec::timeout, "the handler says nothing")); }
    void give(result<std::string> answer) {
      if (auto to = std::exchange(send, nullptr))
        to(std::move(answer));
    }

    sender send;
  };

  std::shared_ptr<once> send_;
};

/// A message of another node, for its handler.
struct link_message {
  std::string_view from; ///< Node.
  uint16_t kind = 0;
  std::string_view body;   ///< Until the handler returns.
  mono_time deadline{};    ///< When nobody waits for the answer any more; passed on, look again.
  bool is_request = false; ///< Else nobody waits, and the reply goes nowhere.
};

/// Hears which nodes can be reached.
class link_listener {
public:
  virtual ~link_listener() = default;

  /// @param version of the protocol, chosen by both.
  virtual void link_up(const std::string& node, uint64_t incarnation, uint32_t version) = 0;

  /// All that was asked of the node has failed by now.
  virtual void link_down(const std::string& node, uint64_t incarnation, const error& why) = 0;
};

/// Messages to and from other nodes. What is sent to a node arrives in its order, or not at all
/// from some message on, until the link is down. Thread-safe; handlers, listeners and callbacks run
/// on the link's own thread, never from within the call, and must not block.
class links {
public:
  using callback = std::function<void(result<std::string>)>;
  using handler = std::function<void(const link_message&, link_reply)>;

  virtual ~links() = default;

  /// Asks a node. The callback is called exactly once.
  /// @param deadline at most a minute from now.
  /// @errors ec::unavailable, ec::busy, ec::too_large: the handler was not called, or says itself
  /// that it has done nothing; ec::unsupported: the node does not know the kind, or is spoken with
  /// in an older protocol that does not; ec::timeout: nobody knows whether it was done.
  virtual void call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
                    callback then)
      = 0;

  /// Tells a node, if there is a link and room; otherwise it is dropped and counted.
  virtual void tell(const std::string& node, uint16_t kind, std::string body) = 0;

  /// @param who serves messages of that kind, of which there is one. Before the first `follow`. A
  /// request whose deadline has passed does not reach it.
  virtual void serve(uint16_t kind, handler who) = 0;

  /// @param who outlives this. Before the first `follow`.
  virtual void listen(link_listener& who) = 0;

  /// These, and no others, are to be linked with; oneself among them is skipped.
  virtual void follow(std::vector<link_peer> peers) = 0;
};

} // namespace shoal::cluster
