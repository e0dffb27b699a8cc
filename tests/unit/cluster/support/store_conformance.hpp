// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/coordination.hpp"
#include "tests/unit/cluster/support/recorder.hpp"

#include <caf/test/unit_test.hpp>

#include <functional>
#include <optional>
#include <string>

namespace shoal::test {

/// What every engine of `coordination::store` must do. Each check uses keys of its own below its
/// name, so that one service can serve all. The engine says how time passes.
struct store_conformance {
  coordination::store& engine;
  std::function<void(const std::function<bool()>&)> until; ///< Runs the engine until it is so.
  std::function<mono_time()> soon;                         ///< A deadline that nothing reaches.
  std::function<void(uint64_t)> compact;                   ///< Forgets what was before a revision.

  void transactions();
  void failed_transactions();
  void pages_of_one_revision();
  void watches_resume();
  void progress_of_watches();
  void compaction();
  void leases_end();
  void leases_are_revoked();

  /// Random transactions against a plain map, under a watch that must tell just them.
  void history(unsigned seed);

  result<coordination::transaction_result> commit(coordination::transaction what);
  result<coordination::range_page> read(coordination::range_query what);
  coordination::lease_id grant(uint32_t ttl_s);
  result<uint32_t> keep_alive(coordination::lease_id lease);
  result<uint64_t> revoke(coordination::lease_id lease);

  /// One put. @returns its revision.
  uint64_t put(std::string key, std::string value, coordination::lease_id lease = 0);

private:
  /// How one question ends; never from within the call.
  template <class T, class Ask>
  result<T> outcome(Ask ask) {
    std::optional<result<T>> got;
    ask([&](result<T> answer) {
      SHOAL_CHECK(!got);
      got = std::move(answer);
    });
    CAF_REQUIRE(!got);
    until([&] { return got.has_value(); });
    return *got;
  }
};

} // namespace shoal::test
