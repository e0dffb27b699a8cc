// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/population.hpp"
#include "cmd/load/run.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sys/resource.h>

namespace {

using namespace shoal;
using namespace shoal::load;

void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

int print_hashes(const load_options& o) {
  population all{o.seed, o.swarms, o.peers, o.seeds_percent};
  for (uint64_t i = 0; i < o.swarms; ++i)
    std::puts(all.hash_of(i).hex().c_str());
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  auto line = parse_command_line(argc, argv, exit_code);
  if (!line)
    return exit_code;
  if (line->what == command::hashes)
    return print_hashes(line->options);
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, [](int) { cancel_load(); });
  std::signal(SIGTERM, [](int) { cancel_load(); });
  auto done = run_load(line->options);
  if (!done) {
    std::fprintf(stderr, "shoal-load: %s\n", to_string(done.error()).c_str());
    return 2;
  }
  print(*done);
  return exit_code_of(*done);
}
