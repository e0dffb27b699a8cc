// SPDX-License-Identifier: Apache-2.0
#include "http/in_place_desk.hpp"

#include "core/limits.hpp"

#include <algorithm>

namespace shoal::http {

namespace {

/// Hashed for one question: seconds even on a slow disk, so that no client takes it for silence.
constexpr uint64_t turn_bytes = uint64_t{1} << 30;

/// A publisher that has not asked again for so long is gone.
constexpr std::chrono::minutes patience{10};

} // namespace

result<in_place_file> in_place_desk::take(const sha256_digest& object,
                                          const std::filesystem::path& file) {
  auto opened = in_place_file::open(file, roots_);
  std::lock_guard lock{mutex_};
  auto found = waiting_.find(object);
  if (!opened || found == waiting_.end() || found->second.file.path() != opened->path()
      || found->second.file.before() != opened->before())
    return opened;
  auto known = std::move(found->second.file);
  waiting_.erase(found);
  return known;
}

void in_place_desk::put_back(const sha256_digest& object, in_place_file file) {
  std::lock_guard lock{mutex_};
  auto now = mono_now();
  std::erase_if(waiting_, [&](auto& x) { return now - x.second.since > patience; });
  auto older = [](auto& a, auto& b) { return a.second.since < b.second.since; };
  if (waiting_.size() >= limits::in_place_files_max)
    waiting_.erase(std::min_element(waiting_.begin(), waiting_.end(), older));
  waiting_.insert_or_assign(object, waiting{std::move(file), now});
}

result<in_place_desk::progress> in_place_desk::go_on(const sha256_digest& object,
                                                     const std::filesystem::path& file) {
  auto taken = take(object, file);
  if (!taken)
    return tl::unexpected{taken.error()};
  auto size_bytes = taken->size_bytes();
  if (objects_.is_served_from(object, taken->path()))
    return progress{size_bytes, size_bytes, true, true};
  auto hashed = taken->hash_some(turn_bytes);
  if (!hashed)
    return tl::unexpected{hashed.error()};
  if (!*hashed) {
    progress far{taken->hashed_bytes(), size_bytes, false, false};
    put_back(object, std::move(*taken));
    return far;
  }
  auto found = taken->finish();
  if (found && *found != object)
    return fail(ec::hash_mismatch, taken->path().string() + " hashes to " + found->hex());
  auto adopted = found ? objects_.adopt(*taken, {}) : found;
  if (!adopted)
    return tl::unexpected{adopted.error()};
  return progress{size_bytes, size_bytes, true, false};
}

} // namespace shoal::http
