// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/registry_service.hpp"

namespace shoal::test {

/// A registry that nobody can write, at the revision that the test says.
struct quiet_service : cluster::registry_service {
  void commit(commit_request, cluster::commit_store::callback then) override {
    then(fail(ec::not_owner));
  }
  bool count(const cluster::counter_key&, const cluster::counter_amounts&) override { return true; }
  cluster::counter_amounts pending(const cluster::counter_key&) const override { return {}; }
  void flush(std::function<void(result<void>)> then) override { then({}); }
  void reach(uint64_t revision) override { wanted = revision; }
  uint64_t ask_proof() override { return ++doubted; }
  uint64_t proven() const override { return proves ? doubted : 0; }
  uint64_t revision() const override { return at; }
  cluster::registry_status status() const override {
    cluster::registry_status made;
    made.reachable = reachable;
    made.lag = lag;
    return made;
  }
  result<void> await_first_view(std::chrono::milliseconds) override { return {}; }

  uint64_t at = 5;
  uint64_t wanted = 0;
  uint64_t doubted = 0;
  bool proves = true;
  bool reachable = true;
  std::chrono::milliseconds lag{0};
};

} // namespace shoal::test
