// SPDX-License-Identifier: Apache-2.0
// Two nodes in one process ask and tell each other over loopback; prints messages per second and
// the CPU that both ends together take for each.
//     deploy/dev-certs FOLDER a b && bench_links SECONDS FOLDER
//     bench_links SECONDS            without TLS
#include "cluster/link_frame.hpp"
#include "cluster/link_hub.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <sys/resource.h>
#include <thread>

using namespace shoal;
using namespace shoal::cluster;

namespace {

enum : uint16_t { echo = 1, note = 2 };

constexpr uint64_t ahead_bytes_max = 2 * 1024 * 1024; // No more than a link takes.
constexpr std::chrono::microseconds a_while{50};      // So that waiting takes no CPU.

/// A hub, and whether it is linked.
struct node : link_listener {
  node(const std::string& id, const std::string& folder) {
    link_hub_config cfg;
    cfg.self = {"bench", id, 1, 0, 1, 1};
    cfg.listen = {ip_address::v4({127, 0, 0, 1}), 0};
    cfg.insecure = folder.empty();
    cfg.files = {folder + "/ca.pem", folder + '/' + id + ".pem", folder + '/' + id + ".key"};
    auto started = link_hub::start(cfg);
    if (!started) {
      std::fprintf(stderr, "%s\n", to_string(started.error()).c_str());
      std::exit(1);
    }
    hub = std::move(*started);
    hub->listen(*this);
    hub->serve(echo, [](auto& x, auto reply) { reply(std::string{x.body}); });
    hub->serve(note, [this](auto&, auto) { ++noted; });
  }

  void link_up(const std::string&, uint64_t, uint32_t) override { linked = true; }
  void link_down(const std::string&, uint64_t, const error&) override { linked = false; }

  std::atomic<bool> linked = false;
  std::atomic<uint64_t> noted = 0;
  std::unique_ptr<link_hub> hub;
};

double cpu_s() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& x) { return double(x.tv_sec) + double(x.tv_usec) * 1e-6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Prints a line for what `work` did, which returns how much.
template <class Work>
void measure(const std::string& what, Work work) {
  auto begin = mono_now();
  auto cpu = cpu_s();
  auto n = double(work());
  std::chrono::duration<double> time = mono_now() - begin;
  std::printf("%-40s %10.0f/s %8.2f us CPU each\n", what.c_str(), n / time.count(),
              (cpu_s() - cpu) / n * 1e6);
}

/// Keeps so many requests in flight, each begun by the answer to another.
class asker {
public:
  asker(link_hub& hub, std::string body) : hub_{hub}, body_{std::move(body)} {}

  uint64_t run(unsigned in_flight, mono_time end) {
    end_ = end;
    left_ = in_flight;
    for (unsigned i = 0; i < in_flight; ++i)
      ask();
    std::unique_lock lock{mutex_};
    all_done_.wait(lock, [this] { return left_ == 0; });
    return answered_;
  }

private:
  void ask() {
    auto now = mono_now();
    hub_.call("a", echo, body_, now + std::chrono::seconds{5}, [this](auto got) {
      if (!got) {
        std::fprintf(stderr, "%s\n", to_string(got.error()).c_str());
        std::exit(1);
      }
      ++answered_;
      if (mono_now() < end_)
        return ask();
      std::lock_guard guard{mutex_};
      if (--left_ == 0)
        all_done_.notify_one();
    });
  }

  link_hub& hub_;
  const std::string body_;
  mono_time end_{};
  std::atomic<uint64_t> answered_ = 0;
  std::mutex mutex_;
  std::condition_variable all_done_;
  unsigned left_ = 0;
};

/// Tells as fast as the other end listens.
uint64_t tell_until(node& from, node& to, size_t bytes, mono_time end) {
  auto before = to.noted.load();
  uint64_t sent = 0;
  while (mono_now() < end) {
    for (int i = 0; i < 64; ++i, ++sent)
      from.hub->tell("a", note, std::string(bytes, 'x'));
    while ((sent - (to.noted - before)) * link_cost(bytes) > ahead_bytes_max)
      std::this_thread::sleep_for(a_while);
  }
  while (to.noted - before < sent)
    std::this_thread::sleep_for(a_while);
  return sent;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s SECONDS [FOLDER]\n", argv[0]);
    return 2;
  }
  std::chrono::milliseconds each{static_cast<int>(1000 * std::atof(argv[1]))};
  std::string folder = argc > 2 ? argv[2] : "";
  node a{"a", folder};
  node b{"b", folder};
  a.hub->follow({{"b", 1, {b.hub->address().str()}}});
  b.hub->follow({{"a", 1, {a.hub->address().str()}}});
  while (!a.linked || !b.linked)
    std::this_thread::yield();
  std::printf("%s\n", folder.empty() ? "plain" : "mutual TLS 1.3");
  for (unsigned in_flight : {1u, 16u, 256u, 4096u})
    measure("100 bytes there and back, " + std::to_string(in_flight) + " at once", [&] {
      return asker{*b.hub, std::string(100, 'x')}.run(in_flight, mono_now() + each);
    });
  for (size_t bytes : {100u, 6400u})
    measure(std::to_string(bytes) + " bytes, one way",
            [&] { return tell_until(b, a, bytes, mono_now() + each); });
  return 0;
}
