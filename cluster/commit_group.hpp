// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/commit_store.hpp"
#include "cluster/coordination.hpp"
#include "cluster/key_locks.hpp"
#include "cluster/keys.hpp"

#include <memory>

namespace shoal::cluster {

/// A write on its way into etcd.
struct commit_member {
  enum class state : uint8_t { queued, sent, answered };

  durable_write what;
  commit_store::callback then;
  key_use keys;
  size_t bytes = 0;    ///< About what it takes of a transaction.
  size_t compares = 0; ///< Conditions, that of its slot included.
  size_t writes = 0;
  mono_time came;
  mono_time send_by;        ///< Afterwards it is not tried (again).
  mono_time answer_by;      ///< Afterwards it is answered with what is known.
  state at = state::queued; ///< `sent` also while it waits for the copy.
  bool alone = false;       ///< etcd has refused it in company.
  std::optional<error> refusal;
  std::pair<uint64_t, uint64_t> waits; ///< For the copy: see copy_progress::await.
};

using commit_member_ptr = std::shared_ptr<commit_member>;

/// @returns a member with its keys and sizes. @errors ec::invalid_argument, ec::too_large.
result<commit_member_ptr> make_member(durable_write what, const key_space& keys);

/// Writes that share one etcd transaction. None touches what another changes.
class commit_group {
public:
  struct bounds {
    size_t operations;
    size_t bytes;
  };

  commit_group(const key_space& keys, const bounds& most) : keys_{keys}, most_{most} {}

  /// @param guard that the member's slot is ours; nothing if it needs none.
  /// @returns false if there is no room, or it contradicts another one's conditions.
  bool add(commit_member_ptr member, const std::optional<coordination::condition>& guard);

  bool is_empty() const { return members_.empty(); }
  const std::vector<commit_member_ptr>& members() const { return members_; }

  /// What reads all that is compared, should a condition fail.
  coordination::transaction make() const;

  struct verdict {
    std::optional<result<uint64_t>> outcome; ///< Nothing: it is not to blame.
    uint64_t seen = 0;                       ///< A copy at this revision knows why. 0: none has to.
  };

  /// After a condition has failed: whose it was.
  std::vector<verdict> judge(const coordination::transaction_result& failed) const;

private:
  struct parts {
    std::optional<size_t> guard; // Indices of `when_`.
    std::optional<size_t> once;
    std::optional<size_t> claim;
    std::vector<size_t> conditions;
  };

  std::optional<size_t> condition_at(coordination::condition wanted);
  bool has_room_for(const commit_member& member) const;
  verdict judge(const parts& of, const coordination::transaction_result& failed) const;

  const key_space& keys_;
  bounds most_;
  std::vector<commit_member_ptr> members_;
  std::vector<parts> parts_;
  std::vector<coordination::condition> when_;
  std::unordered_map<std::string, size_t> index_; // Of `when_` by key.
  size_t writes_ = 0;
  size_t bytes_ = 0;
};

} // namespace shoal::cluster
