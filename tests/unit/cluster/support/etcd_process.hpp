// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/unit/cluster/support/loop.hpp"
#include "tests/unit/support/temp_folder.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace shoal::test {

/// Runs a program to its end. @returns what it printed; the test fails if it does.
std::string output_of(const std::string& command);

/// Real etcd members on loopback, each a process that dies with this.
class etcd_cluster {
public:
  struct options {
    size_t members = 1;
    bool tls = false;
    std::vector<std::string> more; ///< Arguments for each.
  };

  explicit etcd_cluster(const options& how);
  etcd_cluster() : etcd_cluster{options{}} {}
  ~etcd_cluster();

  void start(size_t which);
  void signal(size_t which, int number);

  /// Kills with signal 9 and waits for the end.
  void kill(size_t which);

  /// All of them, or one.
  std::vector<std::string> urls() const;
  std::string url(size_t which) const;
  pid_t pid(size_t which) const { return members_[which].pid; }
  size_t size() const { return members_.size(); }

  /// Runs etcdctl with these words. @param flags e.g. for certificates.
  std::string ctl(const std::string& words, const std::string& flags = {}) const;

  /// @returns which member leads; asks those that answer.
  size_t leader() const;

private:
  struct member {
    std::string name;
    uint16_t client_port = 0;
    uint16_t peer_port = 0;
    pid_t pid = 0;
  };

  std::vector<std::string> arguments(const member& of) const;

  options how_;
  temp_folder folder_;
  std::vector<member> members_;
};

/// Waits until etcd answers.
void await(loop& on, coordination::store& etcd);

/// The same, of a configuration without anything but endpoints.
std::unique_ptr<coordination::etcd_client> connect(loop& on, const etcd_cluster& to);

/// How one question ends.
template <class T, class Ask>
result<T> outcome(loop& on, Ask ask) {
  answer<T> got;
  ask(got.taker());
  on.until([&] { return got.here(); });
  return got.get();
}

result<coordination::transaction_result> commit(loop& on, coordination::store& etcd,
                                                coordination::transaction what);
result<coordination::range_page> read(loop& on, coordination::store& etcd,
                                      coordination::range_query what);

} // namespace shoal::test
