// SPDX-License-Identifier: Apache-2.0
#pragma once

// After CAF_SUITE only.

#include "cluster/link.hpp"

#include <caf/test/unit_test.hpp>

#include <map>
#include <string>
#include <utility>

namespace shoal::test {

/// Links on which other nodes are asked one kind of question, and answer when the test says so.
class held_links final : public cluster::links {
public:
  explicit held_links(uint16_t kind) : kind_{kind} {}

  /// Nobody waits any more, as when the links end.
  void end() {
    for (auto& [node, then] : std::exchange(asked, {}))
      then(fail(ec::shutting_down));
  }

  /// Answers the oldest open question of a node.
  void answer(const std::string& node, result<std::string> with) {
    auto question = asked.find(node);
    CAF_REQUIRE(question != asked.end());
    auto then = std::move(question->second);
    asked.erase(question);
    then(std::move(with));
  }

  void call(const std::string& node, uint16_t kind, std::string, mono_time,
            callback then) override {
    CAF_CHECK_EQUAL(kind, kind_);
    asked.emplace(node, std::move(then));
  }
  void tell(const std::string&, uint16_t, std::string) override {}
  void serve(uint16_t, handler) override {}
  void listen(cluster::link_listener&) override {}
  void follow(std::vector<cluster::link_peer>) override {}

  std::multimap<std::string, callback> asked; ///< Open questions, by node.

private:
  uint16_t kind_;
};

} // namespace shoal::test
