// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/pacer.hpp"
#include "cmd/load/plan.hpp"

#include <atomic>
#include <memory>

namespace shoal::load {

/// What all threads share while they work.
struct load_context {
  const load_options& options;
  const population& all;
  std::atomic<uint64_t> sent{0};      ///< So far, for whoever sends in proportion to it.
  std::atomic<bool> cancelled{false}; ///< By a signal.
};

/// One thread's clients.
class worker {
public:
  /// Its share of sources or connections: those whose number leaves `number` when divided by
  /// `count`.
  struct share {
    unsigned number = 0;
    unsigned count = 1;
  };

  virtual ~worker() = default;

  /// Opens sockets. @errors ec::unavailable if that is impossible.
  virtual result<void> open() = 0;

  /// Sends until plan or pacer end, then waits for answers that are under way.
  virtual void run(request_plan& plan, pacer& pace) = 0;

  /// Starts anew what is reported.
  void forget() { *seen_ = {}; }

  const tally& seen() const { return *seen_; }

protected:
  std::unique_ptr<tally> seen_ = std::make_unique<tally>(); ///< Too large for a stack.
};

std::unique_ptr<worker> make_udp_worker(load_context& context, worker::share part);
std::unique_ptr<worker> make_http_worker(load_context& context, worker::share part);
std::unique_ptr<worker> make_ws_worker(load_context& context, worker::share part);

} // namespace shoal::load
