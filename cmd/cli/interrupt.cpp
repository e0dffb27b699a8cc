// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/interrupt.hpp"

#include <csignal>

namespace shoal::cli {

namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_interrupt(int) {
  flag = true;
}

} // namespace

const std::atomic<bool>& interrupted() {
  return flag;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

} // namespace shoal::cli
