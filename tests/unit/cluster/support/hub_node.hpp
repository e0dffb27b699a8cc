// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link_hub.hpp"
#include "tests/unit/cluster/support/etcd_process.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

/// Real links on loopback.
namespace shoal::test {

/// An authority and what it vouches for, made once by deploy/dev-certs.
class dev_certs {
public:
  explicit dev_certs(const std::string& nodes) { make(nodes); }

  void make(const std::string& nodes, const std::string& more = {}) {
    auto script = (std::filesystem::path{__FILE__}.parent_path() / "../../../../deploy/dev-certs");
    output_of(script.string() + ' ' + more + ' ' + folder_.path().string() + ' ' + nodes);
  }

  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

  cluster::link_files of(const std::string& node) const {
    return {file("ca.pem"), file(node + ".pem"), file(node + ".key")};
  }

private:
  temp_folder folder_;
};

/// Waits for what other threads do.
inline void eventually(const std::function<bool()>& so) {
  auto end = mono_now() + std::chrono::seconds{25};
  while (!so()) {
    if (mono_now() >= end)
      CAF_FAIL("it did not happen");
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

enum hub_kind : uint16_t { echo = 1, keep = 2 };

/// A node: echoes, or keeps what it is asked.
struct hub_node : cluster::link_listener {
  hub_node(const std::string& id, uint64_t incarnation, const cluster::link_files& files,
           const std::function<void(cluster::link_hub_config&)>& tune = {})
      : name{id} {
    cluster::link_hub_config cfg;
    cfg.self = {"test", id, incarnation, 7, 1, 1};
    cfg.listen = {ip_address::v4({127, 0, 0, 1}), 0};
    cfg.files = files;
    if (tune)
      tune(cfg);
    self = cfg.self;
    hub = std::move(cluster::link_hub::start(cfg).value());
    hub->listen(*this);
    hub->serve(echo, [](auto& x, auto reply) { reply(std::string{x.body}); });
    hub->serve(keep, [this](auto&, auto reply) {
      std::lock_guard guard{mutex};
      kept.push_back(reply);
    });
  }

  cluster::link_peer record() const { return {name, self.incarnation, {hub->address().str()}}; }

  void link_up(const std::string&, uint64_t, uint32_t) override { ++ups; }
  void link_down(const std::string&, uint64_t, const error& why) override {
    std::lock_guard guard{mutex};
    last_words = why.detail;
    ++downs;
  }

  result<std::string> ask(const std::string& node, uint16_t kind, const std::string& body) {
    std::promise<result<std::string>> got;
    hub->call(node, kind, body, mono_now() + std::chrono::seconds{20},
              [&](auto answer) { got.set_value(std::move(answer)); });
    return got.get_future().get();
  }

  cluster::link_report report() {
    std::promise<cluster::link_report> got;
    hub->report([&](auto x) { got.set_value(std::move(x)); });
    return got.get_future().get();
  }

  uint64_t said(cluster::link_refusal x) { return report().totals.said[static_cast<size_t>(x)]; }
  uint64_t heard(cluster::link_refusal x) { return report().totals.heard[static_cast<size_t>(x)]; }

  std::string name;
  cluster::link_identity self;
  std::mutex mutex;
  std::vector<cluster::link_reply> kept;
  std::string last_words;
  std::atomic<unsigned> ups = 0;
  std::atomic<unsigned> downs = 0;
  std::unique_ptr<cluster::link_hub> hub; ///< Ends first.
};

/// Each is told of the other.
inline void introduce(hub_node& a, hub_node& b) {
  a.hub->follow({b.record()});
  b.hub->follow({a.record()});
}

inline void await_link(hub_node& a, hub_node& b) {
  eventually([&] { return a.ups > a.downs && b.ups > b.downs; });
}

} // namespace shoal::test
