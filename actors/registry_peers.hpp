// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/messages/registry_links.hpp"
#include "actors/registry_shard.hpp"
#include "cluster/traffic_flaw.hpp"
#include "core/metrics.hpp"
#include "persistence/object_store.hpp"

#include <caf/typed_actor.hpp>

/// How the registry of one node and those of others come together.
namespace shoal {

/// Keeps the small objects that records name where the records are: see keep_objects. Detached: it
/// waits for the disk. Lost when it dies: fetches under way, each an error.
using object_keeper_actor
    = caf::typed_actor<caf::replies_to<fetch_object>::with<atom::load>,
                       caf::replies_to<keep_objects>::with<atom::save>,
                       // Pieces that other nodes want, and objects that this one shall have.
                       caf::reacts_to<link_question>,
                       // INTERNAL: another node has answered.
                       caf::reacts_to<remote_answer>>;

/// Answers what other nodes ask of this node's registry. Lost when it dies: answers under way; who
/// asked hears of it.
using registry_host_actor = caf::typed_actor<caf::reacts_to<link_question>,
                                             // INTERNAL: a pause is over.
                                             caf::reacts_to<try_again>>;

/// Asks all nodes that it takes. Spawned by the NODE, asked by the edges. Lost when it dies:
/// answers under way.
using registry_reader_actor = caf::typed_actor<caf::replies_to<search_query>::with<search_page>,
                                               caf::replies_to<lookup_entries>::with<entry_list>,
                                               // INTERNAL: another node has answered.
                                               caf::reacts_to<remote_answer>,
                                               // INTERNAL: a pause is over.
                                               caf::reacts_to<try_again>>;

/// Who answers searches, for whoever looks at metrics. Thread-safe.
class search_meters {
public:
  /// Whom a question went to, or that this node's copy answered.
  enum class source : uint8_t { here, zone, elsewhere, owner, standby, copy };
  static constexpr size_t source_count = 6;

  /// @param to outlives the meters.
  explicit search_meters(metrics::registry& to);

  void asked(source from) { parts_[static_cast<size_t>(from)]->add(); }
  void served() { served_.add(); }

private:
  std::array<metrics::counter*, source_count> parts_{};
  metrics::counter& served_;
};

struct registry_peers {
  std::array<registry_shard_actor, registry_shard_count> shards; ///< Of this node.
  const cluster::slot_routes* routes = nullptr;                  ///< Outlives the actors.
  cluster::links* links = nullptr;                               ///< The same.
  cluster::registry_service* service = nullptr;                  ///< The same.
  const lmdb_store* store = nullptr;                             ///< The same.
  search_meters* meters = nullptr;                               ///< The same, if there is one.
  object_keeper_actor keeper;
  std::function<mono_time()> now = [] { return mono_now(); }; ///< As the links have it.

  /// Of a write, all attempts together: whoever asked gives up a little later.
  std::chrono::milliseconds write_patience{4500};
  std::chrono::milliseconds read_patience{1500};  ///< Of one node; then another is asked.
  std::chrono::milliseconds pause{50};            ///< Before the routes are looked at again.
  std::chrono::milliseconds copy_pause{5};        ///< Between looks whether the copy has a write,
  std::chrono::milliseconds copy_patience{1000};  ///< and for how long.
  std::chrono::milliseconds proof_patience{1000}; ///< Until the copy has what etcd had,
  std::chrono::milliseconds proof_pause{25};      ///< and between looks: many may wait.
  std::chrono::milliseconds near_patience{200};   ///< The same, when others may be asked instead.
  cluster::traffic_flaw broken = cluster::traffic_flaw::none; ///< Only tests set it.
  unsigned owner_tries = 10; ///< How often searches look for owners of slots that move.

  const registry_shard_actor& shard_of(size_t slot) const {
    return shards[slot * registry_shard_count / slot_count];
  }

  void note(search_meters::source from) const {
    if (meters)
      meters->asked(from);
  }

  /// Whether this node's copy is known to lack what others have written for seconds.
  bool is_behind() const { return service->status().lag.count() != 0; }

  /// Whether an owner looks again, once its copy is certainly up to date, before it says that
  /// nobody has a hash.
  bool proves_absence() const {
    using cluster::traffic_flaw;
    // With it the flaws in who is an owner would do no harm that anybody could see.
    return broken != traffic_flaw::skips_proof && broken != traffic_flaw::reads_without_lease
           && broken != traffic_flaw::reads_unready;
  }

  bool owns(size_t slot) const { return routes->route(slot).owner == cluster::this_node; }

  /// Whether it does and nobody else can: its lease holds, and it is not handing the slot over.
  bool acts_for(size_t slot) const {
    return broken == cluster::traffic_flaw::reads_without_lease ? owns(slot)
                                                                : routes->holds(slot, now());
  }

  /// Whether this node's copy has all that earlier owners of the slot wrote, so that it may answer
  /// as the owner. If not, it is told to get there.
  bool reads_as_owner(size_t slot) const {
    auto epoch = routes->epoch(slot);
    if (service->revision() >= epoch || broken == cluster::traffic_flaw::reads_unready)
      return true;
    service->reach(epoch);
    return false;
  }
};

/// Which slot a question is for, as this node's copy has it: that of the entry it is about.
size_t home_of(const registry_planner& known, const lookup_entry& x);
size_t home_of(const registry_planner& known, const register_entry& x);
size_t home_of(const registry_planner& known, const publish_revision& x);
size_t home_of(const registry_planner& known, const remove_entry& x);
size_t home_of(const registry_planner& known, const remove_revision& x);
size_t home_of(const registry_planner& known, const blocked_hash& x);
size_t home_of(const registry_planner& known, const unblock_hash& x);

/// What one message of the registry is on a link. `repeats`: whether it is asked again when nobody
/// knows whether it has happened. That is so where twice is as good as once; where the second time
/// would say `not_found` of what the first has done, whoever asked has to look.
template <class Ask>
struct registry_verb;

template <>
struct registry_verb<lookup_entry> {
  using reply = registry_entry;
  static constexpr auto kind = link_kind::lookup;
  static constexpr bool repeats = true;
};
/// The same entry again: only `updated_at` moves.
template <>
struct registry_verb<register_entry> {
  using reply = registry_entry;
  static constexpr auto kind = link_kind::register_entry;
  static constexpr bool repeats = true;
};
/// As register_entry; a revision with the same content is no conflict.
template <>
struct registry_verb<publish_revision> {
  using reply = registry_entry;
  static constexpr auto kind = link_kind::publish;
  static constexpr bool repeats = true;
};
/// What is gone and blocked stays so.
template <>
struct registry_verb<remove_entry> {
  using reply = atom::clear;
  static constexpr auto kind = link_kind::remove;
  static constexpr bool repeats = true;
};
template <>
struct registry_verb<remove_revision> {
  using reply = atom::clear;
  static constexpr auto kind = link_kind::remove_revision;
  static constexpr bool repeats = false;
};
template <>
struct registry_verb<blocked_hash> {
  using reply = blocked_hash;
  static constexpr auto kind = link_kind::block;
  static constexpr bool repeats = true;
};
template <>
struct registry_verb<unblock_hash> {
  using reply = atom::clear;
  static constexpr auto kind = link_kind::unblock;
  static constexpr bool repeats = false;
};

/// Answers without data are empty.
inline std::string to_answer(atom::clear) {
  return {};
}
template <class Reply>
std::string to_answer(const Reply& x) {
  return to_archive(x);
}
template <class Reply>
result<Reply> from_answer(const std::string& body) {
  if constexpr (std::is_same_v<Reply, atom::clear>)
    return atom::clear::value;
  else
    return from_archive<Reply>(body);
}

/// The objects without which a record must not be acknowledged.
template <class Ask>
std::optional<keep_objects> objects_of(const Ask&) {
  return std::nullopt;
}
std::optional<keep_objects> objects_of(const register_entry& x);
std::optional<keep_objects> objects_of(const publish_revision& x);

} // namespace shoal
