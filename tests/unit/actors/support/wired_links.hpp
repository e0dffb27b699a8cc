// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link.hpp"
#include "cluster/slot_routes.hpp"

#include <map>

namespace shoal::test {

/// Links between nodes in one thread: what is said is heard at once, unless the other is cut off or
/// deaf.
class wired_links final : public cluster::links {
public:
  using net = std::map<std::string, wired_links*>;

  wired_links(net& all, std::string name) : all_{all}, name_{std::move(name)} {
    all_[name_] = this;
  }

  void call(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
            callback then) override {
    if (auto* to = find(node))
      to->hear({name_, kind, body, deadline, true}, cluster::link_reply{std::move(then)});
    else
      then(fail(ec::unavailable));
  }

  void tell(const std::string& node, uint16_t kind, std::string body) override {
    if (auto* to = find(node))
      to->hear({name_, kind, body, {}, false},
               cluster::link_reply{[](const result<std::string>&) {}});
  }

  void serve(uint16_t kind, handler who) override { handlers_[kind] = std::move(who); }
  void listen(cluster::link_listener& who) override { listeners_.push_back(&who); }
  void follow(std::vector<cluster::link_peer>) override {}

  /// Has both sides hear that the link to a node is broken. It works again at once.
  void break_off(const std::string& node) {
    for (auto* who : listeners_)
      who->link_down(node, 1, {ec::unavailable, "broken"});
    for (auto* who : find(node)->listeners_)
      who->link_down(name_, 1, {ec::unavailable, "broken"});
  }

  bool deaf = false;   ///< Hears nothing: it hangs.
  size_t messages = 0; ///< That were heard.

private:
  wired_links* find(const std::string& node) {
    auto found = all_.find(node);
    return found == all_.end() ? nullptr : found->second;
  }

  void hear(const cluster::link_message& x, cluster::link_reply reply) {
    if (deaf)
      return;
    ++messages;
    if (auto found = handlers_.find(x.kind); found != handlers_.end())
      found->second(x, std::move(reply));
  }

  net& all_;
  std::string name_;
  std::map<uint16_t, handler> handlers_;
  std::vector<cluster::link_listener*> listeners_;
};

} // namespace shoal::test
