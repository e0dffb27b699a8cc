// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "persistence/cache_policy.hpp"

#include <memory>
#include <mutex>

namespace shoal {

/// Who reads which object, and the cache's policy, behind one lock that is never held during I/O.
/// Leases count for objects that are not cached too, so that one which becomes cached while
/// somebody reads it is held from the start.
class cache_ledger : public std::enable_shared_from_this<cache_ledger> {
public:
  /// A reader's: while it lives, its object is not evicted. May outlive the store.
  class lease {
  public:
    lease() = default;
    lease(lease&& other) noexcept = default;
    lease& operator=(lease&& other) noexcept;
    ~lease() { end(); }

    /// Lets go before its life ends.
    void end();

  private:
    friend class cache_ledger;
    lease(std::shared_ptr<cache_ledger> of, const sha256_digest& object)
        : of_(std::move(of)), object_(object) {}

    std::shared_ptr<cache_ledger> of_;
    sha256_digest object_;
  };

  explicit cache_ledger(uint64_t bound_bytes) : policy_(bound_bytes) {}

  /// Counts a request for the object, too.
  lease take_lease(const sha256_digest& object);

  bool is_leased(const sha256_digest& object) const;

  /// As cache_policy has it: what must go before `add` of so many bytes.
  std::optional<std::vector<sha256_digest>> make_room(uint64_t bytes);

  /// Room that is taken by what has no name yet. It is never evicted.
  void reserve(const sha256_digest& stand_in, uint64_t bytes);

  /// Gives room a name. What stood for it before is gone then.
  void settle(const sha256_digest& stand_in, const sha256_digest& object, uint64_t bytes);

  void add(const sha256_digest& object, uint64_t bytes);
  void restore(const sha256_digest& object, uint64_t bytes, const cache_policy::standing& known);
  void remove(const sha256_digest& object);
  std::vector<sha256_digest> set_bound(uint64_t bound_bytes);

  bool contains(const sha256_digest& object) const;
  std::optional<cache_policy::standing> standing_of(const sha256_digest& object) const;
  uint64_t bound() const;
  uint64_t bytes() const;

private:
  void add_held(const sha256_digest& object, uint64_t bytes);

  mutable std::mutex mutex_;
  cache_policy policy_;
  std::unordered_map<sha256_digest, uint32_t> leases_;
};

} // namespace shoal
