// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/process_usage.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

namespace shoal::load {

namespace {

constexpr int generations_max = 4;

double ticks_per_second() {
  static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return ticks;
}

std::string file_of(int pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::string read_file(const std::string& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool add_usage(int pid, process_usage& sum, int generation) {
  auto stat = read_file(file_of(pid, "stat"));
  // The name comes second, in parentheses, and may contain anything.
  auto behind_name = stat.rfind(')');
  if (behind_name == std::string::npos)
    return false;
  std::istringstream fields{stat.substr(behind_name + 1)};
  std::string skipped;
  for (int i = 3; i < 14; ++i)
    fields >> skipped;
  uint64_t user = 0, system = 0;
  fields >> user >> system;
  sum.user_s += static_cast<double>(user) / ticks_per_second();
  sum.system_s += static_cast<double>(system) / ticks_per_second();
  uint64_t pages = 0;
  std::istringstream{read_file(file_of(pid, "statm"))} >> skipped >> pages;
  sum.resident_bytes += pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  std::istringstream children{read_file(file_of(pid, "task/" + std::to_string(pid) + "/children"))};
  for (int child = 0; generation < generations_max && children >> child;)
    add_usage(child, sum, generation + 1);
  return true;
}

} // namespace

std::optional<process_usage> usage_of(int pid) {
  process_usage sum;
  if (!add_usage(pid, sum, 0))
    return std::nullopt;
  return sum;
}

double machine_busy_s() {
  std::istringstream fields{read_file("/proc/stat")};
  std::string name;
  // user, nice, system, then idle and waiting for disks, then interrupts and stolen time.
  uint64_t user = 0, nice = 0, system = 0, idle = 0, wait = 0, hard = 0, soft = 0, stolen = 0;
  fields >> name >> user >> nice >> system >> idle >> wait >> hard >> soft >> stolen;
  return static_cast<double>(user + nice + system + hard + soft + stolen) / ticks_per_second();
}

} // namespace shoal::load
