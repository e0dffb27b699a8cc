// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/link_asker.hpp"
#include "actors/messages/mirror.hpp"
#include "cluster/placement.hpp"

namespace shoal {

/// Where the nodes of a cluster tell each other of files that came (ADR 33).
struct mirror_news_config {
  cluster::links* links = nullptr; ///< Outlives whoever tells. Null: the node is alone.
  std::function<std::vector<cluster::candidate>()> there; ///< All nodes, this one too, now.
  std::string self;
  std::function<mono_time()> now = [] { return mono_now(); }; ///< As the links have it.
};

/// Tells of each file that came to this node the one that registers its commit, so that one node
/// learns of all of them: pulls are spread over the nodes. Belongs to an actor.
class mirror_news {
public:
  template <class Handle>
  mirror_news(mirror_news_config config, const Handle& self)
      : config_{std::move(config)}, asker_{*config_.links, self} {}

  /// @param here called, now or within `answer`, if the commit is this node's to register: it is
  /// the first of the commit's ranking of those that can be told.
  void tell(const file_pulled& x, std::function<void()> here);

  void answer(remote_answer& x) { asker_.answer(x); }
  void close() { asker_.close(); }

private:
  struct errand {
    std::string body;
    std::vector<std::string> nodes; ///< That are left to be told, the best one last.
    std::function<void()> here;
  };

  void try_next(const std::shared_ptr<errand>& e);

  mirror_news_config config_;
  link_asker asker_;
};

/// @returns what another node tells. @errors ec::invalid_argument: nothing that can have come.
result<file_pulled> read_news(std::string_view body);

} // namespace shoal
