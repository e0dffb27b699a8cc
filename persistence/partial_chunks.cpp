// SPDX-License-Identifier: Apache-2.0
// The chunks of a partial_object: what is there, what comes, what survives.
#include "persistence/partial_object.hpp"
#include "protocol/merkle.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <unistd.h>

namespace shoal {

namespace {

/// What a write hashes of the beginning, so that `finish` finds little left to do.
constexpr uint64_t chunks_hashed_per_write = 2;

} // namespace

uint32_t partial_object::length_of(uint32_t chunk) const {
  auto begin = uint64_t{chunk} * chunk_bytes();
  return static_cast<uint32_t>(std::min<uint64_t>(chunk_bytes(), size_bytes() - begin));
}

bool partial_object::has(uint32_t chunk) const {
  std::lock_guard lock(mutex_);
  return chunk < chunk_count_ && ready_[chunk];
}

bool partial_object::is_whole() const {
  std::lock_guard lock(mutex_);
  return ready_bytes_ == size_bytes();
}

uint64_t partial_object::ready_bytes() const {
  std::lock_guard lock(mutex_);
  return ready_bytes_;
}

uint64_t partial_object::ready_from(uint64_t offset, uint64_t max) const {
  if (offset >= size_bytes())
    return 0;
  auto end = offset + std::min(max, size_bytes() - offset);
  std::lock_guard lock(mutex_);
  auto at = offset;
  for (auto chunk = offset / chunk_bytes(); at < end && ready_[chunk]; ++chunk)
    at = std::min(end, (chunk + 1) * chunk_bytes());
  return at - offset;
}

uint64_t partial_object::prefix_bytes() const {
  std::lock_guard lock(mutex_);
  uint32_t chunk = 0;
  while (chunk < chunk_count_ && ready_[chunk])
    ++chunk;
  auto begun = filling_.find(chunk);
  auto whole = std::min(size_bytes(), uint64_t{chunk} * chunk_bytes());
  return whole + (begun == filling_.end() ? 0 : begun->second.bytes);
}

result<size_t> partial_object::read(uint64_t offset, std::span<uint8_t> out) const {
  auto part = out.first(ready_from(offset, out.size()));
  if (auto got = read_exactly(offset, part); !got)
    return tl::unexpected(got.error());
  return part.size();
}

result<void> partial_object::read_exactly(uint64_t offset, std::span<uint8_t> out) const {
  while (!out.empty()) {
    auto n = ::pread(data_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return tl::unexpected(errno_error(errno, "read", data_path_));
    if (n == 0)
      return fail(ec::storage_failed, data_path_.string() + " ends early");
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

// -- writing -------------------------------------------------------------------------------

result<std::vector<uint32_t>> partial_object::write(uint64_t offset,
                                                    std::span<const uint8_t> bytes) {
  if (offset > size_bytes() || bytes.size() > size_bytes() - offset)
    return fail(ec::range_unsatisfiable, "bytes beyond the end");
  std::vector<uint32_t> completed;
  while (!bytes.empty()) {
    auto chunk = static_cast<uint32_t>(offset / chunk_bytes());
    auto begin = static_cast<uint32_t>(offset % chunk_bytes());
    auto part = bytes.first(std::min<size_t>(bytes.size(), length_of(chunk) - begin));
    auto whole = write_chunk(chunk, begin, part);
    if (!whole)
      return tl::unexpected(whole.error());
    if (*whole)
      completed.push_back(chunk);
    bytes = bytes.subspan(part.size());
    offset += part.size();
  }
  std::unique_lock turn(hash_mutex_, std::try_to_lock);
  if (turn && !completed.empty())
    if (auto hashed = hash_locked(chunks_hashed_per_write * chunk_bytes()); !hashed)
      return tl::unexpected(hashed.error());
  return completed;
}

/// @returns whether the chunk has become whole.
result<bool> partial_object::write_chunk(uint32_t chunk, uint32_t begin,
                                         std::span<const uint8_t> bytes) {
  auto end = begin + static_cast<uint32_t>(bytes.size());
  uint32_t there = 0;
  {
    std::lock_guard lock(mutex_);
    if (ready_[chunk])
      return false;
    auto& f = filling_[chunk];
    if (f.busy)
      return fail(ec::conflict, "chunk " + std::to_string(chunk) + " is being written");
    if (begin > f.bytes)
      return fail(ec::range_unsatisfiable,
                  "bytes before " + std::to_string(uint64_t{chunk} * chunk_bytes() + begin)
                      + " are missing");
    if (end <= f.bytes)
      return false;
    f.busy = true;
    there = f.bytes;
  }
  result<void> done;
  for (auto rest = bytes.subspan(there - begin); done && !rest.empty();) {
    auto at = uint64_t{chunk} * chunk_bytes() + end - rest.size();
    auto n = ::pwrite(data_.get(), rest.data(), rest.size(), static_cast<off_t>(at));
    if (n >= 0)
      rest = rest.subspan(static_cast<size_t>(n));
    else if (errno != EINTR)
      done = tl::unexpected(errno_error(errno, "write", data_path_));
  }
  auto is_whole = end == length_of(chunk);
  if (done && is_whole)
    done = check_pieces(chunk);
  std::lock_guard lock(mutex_);
  auto& f = filling_[chunk];
  f.busy = false;
  if (done && f.spoilt)
    done = fail(ec::storage_failed, "what stood before did not reach the disk");
  if (!done) {
    // What stood there before is as it was, unless it is what made the pieces wrong.
    if (done.error().code == ec::hash_mismatch || f.spoilt)
      f = {};
    return tl::unexpected(done.error());
  }
  f.bytes = end;
  f.noted = false;
  if (!is_whole)
    return false;
  filling_.erase(chunk);
  ready_[chunk] = true;
  ready_bytes_ += length_of(chunk);
  unsynced_.push_back(chunk);
  return true;
}

/// @source BEP 3 "pieces", BEP 52 "piece layers".
result<void> partial_object::check_pieces(uint32_t chunk) const {
  if (!pieces_ || (pieces_->v1.empty() && pieces_->v2.empty()))
    return {};
  auto piece_bytes = pieces_->piece_length_bytes;
  auto blocks = (std::min<uint64_t>(piece_bytes, size_bytes()) + merkle::block_bytes - 1)
                / merkle::block_bytes;
  std::vector<uint8_t> buffer(std::min(piece_bytes, length_of(chunk)));
  auto begin = uint64_t{chunk} * chunk_bytes();
  auto end = begin + length_of(chunk);
  for (auto at = begin; at < end; at += piece_bytes) {
    auto piece = std::span(buffer).first(std::min<uint64_t>(piece_bytes, end - at));
    if (auto got = read_exactly(at, piece); !got)
      return got;
    auto index = at / piece_bytes;
    auto good = pieces_->v2.empty()
                    ? sha1(piece) == pieces_->v1[index]
                    : merkle::block_root(piece, std::bit_ceil(blocks)) == pieces_->v2[index];
    if (!good)
      return fail(ec::hash_mismatch, "piece " + std::to_string(index));
  }
  return {};
}

// -- surviving -----------------------------------------------------------------------------

uint64_t partial_object::unsynced_bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (auto chunk : unsynced_)
    sum += length_of(chunk);
  return sum;
}

/// The bytes first, then the records that speak of them.
result<void> partial_object::sync() {
  std::lock_guard turn(sync_mutex_);
  std::vector<chunk_map::record> records;
  std::vector<uint32_t> chunks;
  {
    std::lock_guard lock(mutex_);
    chunks = std::exchange(unsynced_, {});
    for (auto chunk : chunks)
      records.push_back({chunk, length_of(chunk)});
    for (auto& [chunk, f] : filling_)
      if (!f.noted) {
        records.push_back({chunk, f.bytes});
        f.noted = true;
      }
  }
  if (records.empty())
    return {};
  auto synced = ::fdatasync(data_.get()) == 0;
  auto code = errno;
  auto noted = synced ? map_->append(records) : result<void>();
  if (synced && noted)
    return {};
  std::lock_guard lock(mutex_);
  for (auto& [chunk, bytes] : records)
    if (auto begun = filling_.find(chunk); begun != filling_.end())
      begun->second.noted = false;
  if (!synced) { // The kernel may have dropped these pages, and will not say so again.
    for (auto& [chunk, bytes] : records)
      forget_locked(chunk);
    return tl::unexpected(errno_error(code, "sync", data_path_));
  }
  unsynced_.insert(unsynced_.end(), chunks.begin(), chunks.end());
  return noted;
}

/// Needs `mutex_`.
void partial_object::forget_locked(uint32_t chunk) {
  if (auto begun = filling_.find(chunk); begun != filling_.end()) {
    begun->second.bytes = 0;
    begun->second.spoilt = begun->second.busy;
  }
  if (!ready_[chunk])
    return;
  ready_[chunk] = false;
  ready_bytes_ -= length_of(chunk);
  ++forgotten_;
}

} // namespace shoal
