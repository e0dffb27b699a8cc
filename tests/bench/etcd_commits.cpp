// SPDX-License-Identifier: Apache-2.0
// Commits guarded transactions to an etcd that runs, and prints how many per second and what each
// costs, by the number in flight.
//     bench_etcd_commits URL[,URL...] COMMITS PUTS VALUE_BYTES [PID_OF_ETCD...]
// COMMITS is for each line, PUTS how many keys a transaction writes.
#include "cluster/etcd_client.hpp"
#include "cmd/load/process_usage.hpp"

#include <boost/asio/io_context.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace shoal;
using namespace shoal::coordination;

namespace {

constexpr std::array in_flight{1, 8, 64};

struct settings {
  etcd_config etcd;
  int commits = 0;
  int puts = 1;
  size_t value_bytes = 0;
  std::vector<int> members; ///< Process ids.
};

/// Keeps so many transactions in flight until all are done.
class run {
public:
  run(store& etcd, const settings& what, uint64_t owner_revision)
      : etcd_{etcd}, what_{what}, owner_revision_{owner_revision} {}

  bool done() const { return finished_ == what_.commits; }
  int failed() const { return failed_; }

  void next() {
    if (begun_ == what_.commits)
      return;
    transaction made;
    made.when = {{"bench/owner", condition::what::mod_revision, owner_revision_}};
    for (int i = 0; i < what_.puts; ++i)
      made.then.push_back({"bench/data/" + std::to_string(begun_) + '/' + std::to_string(i),
                           std::string(what_.value_bytes, 'x'), 0});
    ++begun_;
    auto deadline = mono_now() + std::chrono::seconds{10};
    etcd_.commit(std::move(made), deadline, [this](const result<transaction_result>& got) {
      failed_ += !got || !got->succeeded;
      ++finished_;
      next();
    });
  }

private:
  store& etcd_;
  const settings& what_;
  const uint64_t owner_revision_;
  int begun_ = 0;
  int finished_ = 0;
  int failed_ = 0;
};

double cpu_of_members(const settings& what) {
  double sum = 0;
  for (auto pid : what.members)
    if (auto used = load::usage_of(pid))
      sum += used->cpu_s();
  return sum;
}

/// @returns the revision of the key that stands for "I own this slot".
uint64_t take_ownership(boost::asio::io_context& io, store& etcd) {
  transaction what;
  what.then = {{"bench/owner", "me", 0}};
  uint64_t revision = 0;
  etcd.commit(what, mono_now() + std::chrono::seconds{10}, [&](const auto& got) {
    if (!got) {
      std::fprintf(stderr, "%s\n", to_string(got.error()).c_str());
      std::exit(1);
    }
    revision = got->revision;
  });
  while (revision == 0)
    io.run_one();
  return revision;
}

void measure(boost::asio::io_context& io, store& etcd, const settings& what, int at_once) {
  run commits{etcd, what, take_ownership(io, etcd)};
  auto began = mono_now();
  auto own = load::usage_of(::getpid())->cpu_s();
  auto theirs = cpu_of_members(what);
  for (int i = 0; i < at_once; ++i)
    commits.next();
  while (!commits.done())
    io.run_one();
  auto took_s = std::chrono::duration<double>(mono_now() - began).count();
  auto each = [&](double cpu_s) { return cpu_s / what.commits * 1e6; };
  std::printf("%9d %12.0f %14.0f %15.0f %7d\n", at_once, what.commits / took_s,
              each(load::usage_of(::getpid())->cpu_s() - own), each(cpu_of_members(what) - theirs),
              commits.failed());
}

settings parse(int argc, char** argv) {
  settings made;
  std::string urls = argv[1];
  for (size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
    end = urls.find(',', at);
    made.etcd.endpoints.push_back(urls.substr(at, end - at));
  }
  made.etcd.connections = 64;
  made.commits = std::atoi(argv[2]);
  made.puts = std::atoi(argv[3]);
  made.value_bytes = std::strtoul(argv[4], nullptr, 10);
  for (int i = 5; i < argc; ++i)
    made.members.push_back(std::atoi(argv[i]));
  return made;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "bench_etcd_commits URL[,URL...] COMMITS PUTS VALUE_BYTES [PID...]\n");
    return 2;
  }
  auto what = parse(argc, argv);
  boost::asio::io_context io;
  auto etcd = etcd_client::make(io, what.etcd);
  if (!etcd) {
    std::fprintf(stderr, "%s\n", to_string(etcd.error()).c_str());
    return 2;
  }
  std::printf("in flight  commits/s  our us/commit  their us/commit  failed\n");
  for (auto at_once : in_flight)
    measure(io, **etcd, what, at_once);
  return 0;
}
