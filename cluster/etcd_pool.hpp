// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_connection.hpp"

#include <memory>
#include <vector>

namespace shoal::coordination {

/// Connections that carry no request right now. It and those in use are `limit` at most.
class etcd_pool {
public:
  explicit etcd_pool(size_t limit) : limit_{limit} {}

  bool has_room() const { return in_use_ < limit_; }
  size_t in_use() const { return in_use_; }
  size_t idle() const { return idle_.size(); }

  /// Takes the place of one connection; it comes back by `give_back`.
  /// @returns one to that endpoint on which a request can be sent at once, or null: open one.
  std::shared_ptr<etcd_connection> take(size_t endpoint);

  /// @param used kept if it is reusable, else closed; null: it was given up.
  void give_back(size_t endpoint, std::shared_ptr<etcd_connection> used);

  void close();

private:
  struct entry {
    size_t endpoint;
    std::shared_ptr<etcd_connection> connection;
  };

  const size_t limit_;
  size_t in_use_ = 0;
  std::vector<entry> idle_; ///< The one used last stands last.
};

} // namespace shoal::coordination
