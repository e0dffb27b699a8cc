// SPDX-License-Identifier: Apache-2.0
#include "http/process_metrics.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal::http {

namespace {

/// The second number of /proc/self/statm, which counts pages. @source proc(5)
double resident_bytes() {
  std::ifstream pages{"/proc/self/statm"};
  uint64_t all = 0;
  uint64_t resident = 0;
  pages >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// The size of the folder is their number since Linux 6.2; before, they have to be counted.
double open_descriptors() {
  constexpr auto folder = "/proc/self/fd";
  struct stat seen {};
  if (::stat(folder, &seen) == 0 && seen.st_size > 0)
    return static_cast<double>(seen.st_size);
  std::error_code failed;
  double count = 0;
  std::filesystem::directory_iterator each{folder, failed};
  for (; !failed && each != std::filesystem::directory_iterator{}; each.increment(failed))
    ++count;
  return count > 0 ? count - 1 : 0; // Without the one that this takes.
}

double descriptors_max() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

} // namespace

void add_process_metrics(metrics::registry& registry) {
  registry.add_reader("process_resident_memory_bytes", "Resident memory", "", resident_bytes);
  registry.add_reader("process_cpu_seconds_total", "User and system time spent", "", cpu_seconds,
                      "counter");
  registry.add_reader("process_open_fds", "Descriptors in use", "", open_descriptors);
  registry.add_reader("process_max_fds", "Descriptors at most", "", descriptors_max);
}

} // namespace shoal::http
