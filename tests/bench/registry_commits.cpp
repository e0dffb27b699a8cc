// SPDX-License-Identifier: Apache-2.0
// Writes registry records through a cluster's commit store and replica, as one node does, to an
// etcd that runs, and prints how many per second.
//     bench_registry_commits URL[,URL...] FOLDER WRITES VALUE_BYTES [CLIENTS...]
// Each client writes one key again and again, guarded by the version that it has seen.
#include "cluster/etcd_client.hpp"
#include "cluster/etcd_commit_store.hpp"
#include "cluster/lmdb_copy.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace shoal;
using namespace shoal::cluster;

namespace {

struct node final : replica_listener {
  node(boost::asio::io_context& loop, const coordination::etcd_config& config, const char* folder)
      : io{loop} {
    auto made = coordination::etcd_client::make(io, config);
    lmdb_config of_store;
    of_store.path = folder;
    auto opened = lmdb_store::open(of_store);
    if (!made || !opened) {
      std::fprintf(stderr, "%s\n", to_string(made ? opened.error() : made.error()).c_str());
      std::exit(2);
    }
    etcd = std::move(*made);
    store = std::move(*opened);
    disk = std::make_unique<lmdb_copy>(*store);
    replica_config of_copy;
    of_copy.node = "bench";
    of_copy.cluster = "bench";
    copy = std::make_unique<replica>(*etcd, *disk, now, *this, of_copy);
    etcd_commit_config of_commits;
    of_commits.node = "bench";
    of_commits.incarnation = static_cast<uint64_t>(::getpid());
    commits = std::make_unique<etcd_commit_store>(
        *etcd, *copy,
        [](size_t) {
          return coordination::condition{"shoal/slots/bench/owner",
                                         coordination::condition::what::mod_revision, 0};
        },
        now, of_commits);
  }

  void applied(uint64_t, std::span<const replicated>) override {}
  void replaced(uint64_t) override {}
  void failed(const error& why) override { std::fprintf(stderr, "%s\n", to_string(why).c_str()); }

  template <class Done>
  void until(Done done) {
    while (!done()) {
      copy->advance();
      commits->advance();
      auto tick = mono_now() + std::chrono::milliseconds{20};
      while (!done() && mono_now() < tick)
        io.run_one_until(tick);
    }
  }

  boost::asio::io_context& io;
  std::function<mono_time()> now = [] { return mono_now(); };
  std::unique_ptr<coordination::etcd_client> etcd;
  std::unique_ptr<lmdb_store> store;
  std::unique_ptr<lmdb_copy> disk;
  std::unique_ptr<replica> copy;
  std::unique_ptr<etcd_commit_store> commits;
};

struct run {
  node& on;
  int writes;
  std::string value;
  int begun = 0;
  int finished = 0;
  int failed = 0;
  std::vector<double> took_ms{};

  void next(int client) {
    if (begun == writes)
      return;
    ++begun;
    auto key = "client/" + std::to_string(client);
    auto held = on.store->get(table::refs, key);
    commit_request what;
    what.guards.push_back({table::refs, key, held && *held ? (*held)->revision : 0});
    what.mutations.push_back({table::refs, key, value});
    on.commits->commit({std::move(what), static_cast<size_t>(client) % 256, {}, {}},
                       [this, client, began = mono_now()](const result<uint64_t>& got) {
                         took_ms.push_back(
                             std::chrono::duration<double, std::milli>(mono_now() - began).count());
                         failed += !got;
                         ++finished;
                         next(client);
                       });
  }
};

void measure(node& on, int writes, size_t bytes, int clients) {
  run all{on, writes, std::string(bytes, 'x')};
  auto before = on.commits->stats().transactions;
  auto began = mono_now();
  for (int i = 0; i < clients; ++i)
    all.next(i);
  on.until([&] { return all.finished == writes; });
  auto took_s = std::chrono::duration<double>(mono_now() - began).count();
  std::sort(all.took_ms.begin(), all.took_ms.end());
  auto sent = on.commits->stats().transactions - before;
  std::printf("%7d %9.0f %8.1f %8.1f %12.1f %7d\n", clients, writes / took_s,
              all.took_ms[all.took_ms.size() / 2], all.took_ms[all.took_ms.size() * 99 / 100],
              double(writes) / double(sent), all.failed);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "bench_registry_commits URL[,URL...] FOLDER WRITES VALUE_BYTES "
                         "[CLIENTS...]\n");
    return 2;
  }
  coordination::etcd_config config;
  std::string urls = argv[1];
  for (size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
    end = urls.find(',', at);
    config.endpoints.push_back(urls.substr(at, end - at));
  }
  boost::asio::io_context io;
  node on{io, config, argv[2]};
  on.until([&] { return on.copy->revision() != 0; });
  std::printf("clients  writes/s   p50 ms   p99 ms  writes/commit  failed\n");
  for (int i = 5; i < argc; ++i)
    measure(on, std::atoi(argv[3]), std::strtoul(argv[4], nullptr, 10), std::atoi(argv[i]));
  return 0;
}
