// SPDX-License-Identifier: Apache-2.0
#include "http/signing_book.hpp"

#include "cluster/shared_keys.hpp"

#include <algorithm>

namespace shoal::http {

namespace {

/// What else is made of the same secret has another label.
ed25519_key key_of(const cluster::key_generation& generation) {
  auto seed
      = cluster::derive_key(generation.secret, "manifest signatures", ed25519_key::seed_bytes);
  return *ed25519_key::from_seed(seed);
}

} // namespace

void signing_book::use(std::span<const cluster::key_generation> generations, uint64_t current) {
  std::vector<known> keys;
  for (auto& one : generations)
    keys.push_back({one.number, key_of(one), one.created_at, 0});
  std::sort(keys.begin(), keys.end(), [](auto& a, auto& b) { return a.number > b.number; });
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i > 0)
      keys[i].ends_at = keys[i - 1].created_at + std::chrono::seconds{overlap}.count();
    else if (rotate_every_.count() > 0)
      keys[i].ends_at = keys[i].created_at + (rotate_every_ + overlap).count();
  }
  std::lock_guard guard{mutex_};
  keys_ = std::move(keys);
  current_ = current;
}

std::optional<ed25519_key> signing_book::current() const {
  std::lock_guard guard{mutex_};
  for (auto& one : keys_)
    if (one.number == current_)
      return one.key;
  return std::nullopt;
}

std::vector<verification_key> signing_book::good(unix_seconds now) const {
  std::lock_guard guard{mutex_};
  std::vector<verification_key> all;
  for (auto& one : keys_) {
    auto is_current = one.number == current_;
    // Whoever signs with a key stands by it, however late the next one comes.
    auto ends_at = is_current && one.ends_at != 0 ? std::max(one.ends_at, now + 3600) : one.ends_at;
    if (ends_at != 0 && ends_at < now)
      continue;
    verification_key key{key_id_of(one.key.public_key()), one.key.public_key(), one.created_at,
                         ends_at};
    all.insert(is_current ? all.begin() : all.end(), std::move(key));
  }
  return all;
}

bool signing_book::wants_another(unix_seconds now) const {
  std::lock_guard guard{mutex_};
  if (keys_.empty())
    return true;
  return rotate_every_.count() > 0 && now - keys_.front().created_at >= rotate_every_.count();
}

cluster::shared_key_record signing_book::next(const cluster::shared_key_record& record,
                                              std::string seed, unix_seconds now) const {
  cluster::shared_key_record made;
  auto& old = record.generations;
  auto number = old.empty() ? uint64_t{1} : old.front().key.number + 1;
  made.generations.push_back({{number, now, std::move(seed)}, 0});
  for (size_t i = 0; i < old.size(); ++i) {
    auto replaced_at = i == 0 ? now : old[i - 1].key.created_at;
    auto is_over = replaced_at + std::chrono::seconds{overlap}.count() < now;
    if (!is_over && made.generations.size() < limits::signing_keys_max)
      made.generations.push_back(old[i]);
  }
  return made;
}

} // namespace shoal::http
