// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cluster/support/etcd_process.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace shoal::test {

using namespace coordination;
using namespace std::literals;
namespace fs = std::filesystem;

namespace {

/// All at once, so that no two are the same.
std::vector<uint16_t> free_ports(size_t count) {
  using asio::ip::tcp;
  asio::io_context io;
  std::vector<tcp::acceptor> held;
  std::vector<uint16_t> ports;
  for (size_t i = 0; i < count; ++i) {
    held.emplace_back(io, tcp::endpoint{asio::ip::address_v4::loopback(), 0});
    ports.push_back(held.back().local_endpoint().port());
  }
  return ports;
}

pid_t spawn(const std::vector<std::string>& words, const fs::path& log) {
  std::vector<char*> raw;
  for (auto& word : words)
    raw.push_back(const_cast<char*>(word.c_str()));
  raw.push_back(nullptr);
  auto out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  auto pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execvp(raw[0], raw.data());
    ::_exit(127);
  }
  ::close(out);
  return pid;
}

std::string local(bool tls, uint16_t port) {
  return (tls ? "https" : "http") + "://127.0.0.1:"s + std::to_string(port);
}

} // namespace

std::string output_of(const std::string& command) {
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");
  CAF_REQUIRE(pipe != nullptr);
  std::string text;
  char block[4096];
  for (size_t n; (n = ::fread(block, 1, sizeof block, pipe)) > 0;)
    text.append(block, n);
  if (::pclose(pipe) != 0)
    CAF_FAIL(command << ": " << text);
  return text;
}

etcd_cluster::etcd_cluster(const options& how) : how_{how} {
  auto ports = free_ports(2 * how.members);
  for (size_t i = 0; i < how.members; ++i)
    members_.push_back({"m" + std::to_string(i), ports[2 * i], ports[2 * i + 1], 0});
  for (size_t i = 0; i < how.members; ++i)
    start(i);
}

etcd_cluster::~etcd_cluster() {
  for (size_t i = 0; i < members_.size(); ++i)
    kill(i);
}

std::vector<std::string> etcd_cluster::arguments(const member& of) const {
  std::string all;
  for (auto& each : members_)
    all += (all.empty() ? "" : ",") + each.name + '=' + local(false, each.peer_port);
  auto client = local(how_.tls, of.client_port);
  auto peer = local(false, of.peer_port);
  std::vector<std::string> words{"etcd",
                                 "--name",
                                 of.name,
                                 "--data-dir",
                                 (folder_.path() / of.name).string(),
                                 "--listen-client-urls",
                                 client,
                                 "--advertise-client-urls",
                                 client,
                                 "--listen-peer-urls",
                                 peer,
                                 "--initial-advertise-peer-urls",
                                 peer,
                                 "--initial-cluster",
                                 all,
                                 "--initial-cluster-token",
                                 folder_.path().filename().string(),
                                 "--heartbeat-interval",
                                 "50",
                                 "--election-timeout",
                                 "500",
                                 "--log-level",
                                 "error"};
  words.insert(words.end(), how_.more.begin(), how_.more.end());
  return words;
}

void etcd_cluster::start(size_t which) {
  auto& m = members_[which];
  m.pid = spawn(arguments(m), folder_.path() / (m.name + ".log"));
  CAF_REQUIRE(m.pid > 0);
}

void etcd_cluster::signal(size_t which, int number) {
  CAF_REQUIRE_EQUAL(::kill(members_[which].pid, number), 0);
}

void etcd_cluster::kill(size_t which) {
  auto pid = std::exchange(members_[which].pid, 0);
  if (pid == 0)
    return;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

std::string etcd_cluster::url(size_t which) const {
  return local(how_.tls, members_[which].client_port);
}

std::vector<std::string> etcd_cluster::urls() const {
  std::vector<std::string> all;
  for (size_t i = 0; i < members_.size(); ++i)
    all.push_back(url(i));
  return all;
}

std::string etcd_cluster::ctl(const std::string& words, const std::string& flags) const {
  std::string alive;
  for (size_t i = 0; i < members_.size(); ++i)
    if (members_[i].pid != 0)
      alive += (alive.empty() ? "" : ",") + url(i);
  return output_of("ETCDCTL_API=3 etcdctl --endpoints=" + alive + ' ' + flags + ' ' + words);
}

size_t etcd_cluster::leader() const {
  auto all = nlohmann::json::parse(ctl("endpoint status -w json"));
  for (auto& each : all) {
    auto& status = each["Status"];
    if (status["leader"] != status["header"]["member_id"])
      continue;
    for (size_t i = 0; i < members_.size(); ++i)
      if (each["Endpoint"] == url(i))
        return i;
  }
  CAF_FAIL("nobody leads");
  return 0;
}

void await(loop& on, store& etcd) {
  for (bool there = false; !there;) {
    there = outcome<range_page>(on, [&](auto then) {
              etcd.read(all_of("nothing"), within(1s), std::move(then));
            }).has_value();
    if (!there) // Nobody listens yet: not so fast.
      on.io.run_one_for(20ms);
  }
}

std::unique_ptr<etcd_client> connect(loop& on, const etcd_cluster& to) {
  etcd_config cfg;
  cfg.endpoints = to.urls();
  auto made = std::move(etcd_client::make(on.io, cfg).value());
  await(on, *made);
  return made;
}

result<transaction_result> commit(loop& on, store& etcd, transaction what) {
  return outcome<transaction_result>(
      on, [&](auto then) { etcd.commit(std::move(what), soon(), std::move(then)); });
}

result<range_page> read(loop& on, store& etcd, range_query what) {
  return outcome<range_page>(
      on, [&](auto then) { etcd.read(std::move(what), soon(), std::move(then)); });
}

} // namespace shoal::test
