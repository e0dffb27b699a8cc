// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE load.process_usage

#include "cmd/load/process_usage.hpp"

#include <caf/test/unit_test.hpp>

#include <ctime>
#include <unistd.h>

using namespace shoal::load;

CAF_TEST(work is seen in the usage of this process) {
  auto before = usage_of(::getpid());
  CAF_REQUIRE(before);
  CAF_CHECK_GREATER(before->resident_bytes, 100'000u);
  auto busy_before = machine_busy_s();
  // Three ticks of the kernel's clock, as this thread counts its own time.
  auto begin = std::clock();
  while (std::clock() - begin < CLOCKS_PER_SEC / 30)
    continue;
  auto after = usage_of(::getpid());
  CAF_REQUIRE(after);
  CAF_CHECK_GREATER(after->cpu_s(), before->cpu_s());
  CAF_CHECK_GREATER(machine_busy_s(), busy_before);
}

CAF_TEST(a process that there is not uses nothing) {
  CAF_CHECK(!usage_of(0));
  CAF_CHECK(!usage_of(-1));
  CAF_CHECK(!usage_of(2'000'000'000));
}
