// SPDX-License-Identifier: Apache-2.0
#include "persistence/cache_ledger.hpp"

#include <utility>

namespace shoal {

cache_ledger::lease& cache_ledger::lease::operator=(lease&& other) noexcept {
  if (this != &other) {
    end();
    of_ = std::move(other.of_);
    object_ = other.object_;
  }
  return *this;
}

void cache_ledger::lease::end() {
  auto of = std::exchange(of_, nullptr);
  if (!of)
    return;
  std::lock_guard lock(of->mutex_);
  auto known = of->leases_.find(object_);
  if (--known->second > 0)
    return;
  of->leases_.erase(known);
  of->policy_.release(object_);
}

cache_ledger::lease cache_ledger::take_lease(const sha256_digest& object) {
  std::lock_guard lock(mutex_);
  policy_.touch(object);
  if (++leases_[object] == 1)
    policy_.hold(object);
  return {shared_from_this(), object};
}

bool cache_ledger::is_leased(const sha256_digest& object) const {
  std::lock_guard lock(mutex_);
  return leases_.contains(object);
}

std::optional<std::vector<sha256_digest>> cache_ledger::make_room(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  return policy_.make_room(bytes);
}

void cache_ledger::add_held(const sha256_digest& object, uint64_t bytes) {
  if (policy_.contains(object))
    return;
  policy_.add(object, bytes);
  if (leases_.contains(object))
    policy_.hold(object);
}

void cache_ledger::reserve(const sha256_digest& stand_in, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  policy_.add(stand_in, bytes);
  policy_.hold(stand_in);
}

void cache_ledger::settle(const sha256_digest& stand_in, const sha256_digest& object,
                          uint64_t bytes) {
  std::lock_guard lock(mutex_);
  policy_.remove(stand_in);
  add_held(object, bytes);
}

void cache_ledger::add(const sha256_digest& object, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  add_held(object, bytes);
}

void cache_ledger::restore(const sha256_digest& object, uint64_t bytes,
                           const cache_policy::standing& known) {
  std::lock_guard lock(mutex_);
  policy_.restore(object, bytes, known);
}

void cache_ledger::remove(const sha256_digest& object) {
  std::lock_guard lock(mutex_);
  policy_.remove(object);
}

std::vector<sha256_digest> cache_ledger::set_bound(uint64_t bound_bytes) {
  std::lock_guard lock(mutex_);
  return policy_.set_bound(bound_bytes);
}

bool cache_ledger::contains(const sha256_digest& object) const {
  std::lock_guard lock(mutex_);
  return policy_.contains(object);
}

std::optional<cache_policy::standing> cache_ledger::standing_of(const sha256_digest& object) const {
  std::lock_guard lock(mutex_);
  return policy_.standing_of(object);
}

uint64_t cache_ledger::bound() const {
  std::lock_guard lock(mutex_);
  return policy_.bound();
}

uint64_t cache_ledger::bytes() const {
  std::lock_guard lock(mutex_);
  return policy_.bytes();
}

} // namespace shoal
