// SPDX-License-Identifier: Apache-2.0
// Loaded before libfaketime, which takes every timerfd for one of wall time and moves its absolute
// deadlines by the shift, whatever FAKETIME_DONT_FAKE_MONOTONIC says. Boost.Asio sets a timer that
// is due to 1 ns of monotonic time: with a clock that is a day back, that is after a day of uptime.
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

extern "C" int timerfd_settime(int fd, int flags, const itimerspec* fresh,
                               itimerspec* old) noexcept {
  return static_cast<int>(::syscall(SYS_timerfd_settime, fd, flags, fresh, old));
}

extern "C" int timerfd_gettime(int fd, itimerspec* left) noexcept {
  return static_cast<int>(::syscall(SYS_timerfd_gettime, fd, left));
}
