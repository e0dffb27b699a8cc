// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace shoal::test {

/// Runs `child(report_fd)` in a process of its own, which writes a `Report` to the descriptor for
/// each thing that is done for sure, and kills it in the midst of whatever it does once `heard` has
/// been given that many. @returns whether it was killed, and did not end by itself.
template <class Report, class Child, class Heard>
[[nodiscard]] bool kill_after(int reports, Child&& child, Heard&& heard) {
  int pipe_fds[2];
  SHOAL_CHECK(::pipe(pipe_fds) == 0);
  auto pid = ::fork();
  SHOAL_CHECK(pid >= 0);
  if (pid == 0) {
    child(pipe_fds[1]);
    ::_exit(3);
  }
  ::close(pipe_fds[1]);
  Report x{};
  for (int n = 0; ::read(pipe_fds[0], &x, sizeof(x)) == sizeof(x);) {
    heard(x);
    if (++n == reports)
      ::kill(pid, SIGKILL);
  }
  ::close(pipe_fds[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status);
}

} // namespace shoal::test
