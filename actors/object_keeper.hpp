// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/link_asker.hpp"
#include "actors/messages/object_places.hpp"
#include "actors/registry_peers.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>

namespace shoal {

struct object_keeper_config {
  object_store* objects = nullptr;              ///< Outlives the actor, as do the next two.
  const cluster::slot_routes* routes = nullptr; ///< Who there is, and who stands by.
  cluster::links* links = nullptr;
  std::string zone;                          ///< Of this node.
  std::function<std::string()> bulk_address; ///< Where others read its objects; empty: nowhere yet.
  std::function<mono_time()> now = [] { return mono_now(); }; ///< As the links have it.
  std::chrono::milliseconds patience{2000};                   ///< Of each question to a node.
};

/// See object_keeper_actor.
class object_keeper : public object_keeper_actor::base {
public:
  object_keeper(caf::actor_config& cfg, object_keeper_config config);

  behavior_type make_behavior() override;
  void on_exit() override { asker_.close(); }

private:
  using told = std::function<void(result<void>)>;
  template <class T>
  using promise = caf::typed_response_promise<T>;

  /// An object on its way here.
  struct fetch {
    sha256_digest object;
    std::vector<std::string> sources; ///< The best one last.
    std::optional<object_files::upload> incoming;
    uint64_t size_bytes = 0;
    error last{ec::not_found, {}};
    std::vector<told> waiting;
  };
  using fetch_ptr = std::shared_ptr<fetch>;

  promise<atom::load> on_fetch(const fetch_object& ask);
  promise<atom::save> on_keep(const keep_objects& ask);
  void on_question(const link_question& x);

  /// Sees to it that one object, or several, are here. @param first the node to ask first.
  void need(const sha256_digest& object, const std::string& first, told then);
  void need_all(std::shared_ptr<const keep_objects> what, size_t next, told then);
  void tell_standby(const keep_objects& what, told then);
  result<std::vector<sha256_digest>> named_by(const sha256_digest& manifest) const;

  void next_source(const fetch_ptr& f);
  void next_piece(const fetch_ptr& f, const std::string& node);
  result<bool> take(fetch& f, const object_piece& piece);
  void end(const fetch_ptr& f, const result<void>& how);
  std::vector<std::string> nodes(const std::string& first) const;
  result<object_piece> read_piece(const object_range& what) const;
  result<object_place> place_of(const object_query& what) const;

  object_keeper_config config_;
  link_asker asker_;
  std::map<sha256_digest, fetch_ptr> fetches_;
};

} // namespace shoal
