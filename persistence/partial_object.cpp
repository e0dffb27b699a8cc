// SPDX-License-Identifier: Apache-2.0
#include "persistence/partial_object.hpp"

#include "core/limits.hpp"
#include "protocol/merkle.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal {

namespace fs = std::filesystem;

namespace {

/// 16 TiB in chunks of the usual size.
constexpr uint64_t chunks_max = uint64_t{1} << 22;

constexpr size_t hash_buffer_bytes = 1 << 20;

fs::path path_of(const fs::path& folder, const sha256_digest& key, const char* extension) {
  return folder / (key.hex() + extension);
}

/// Whether what is there may become what is asked for: a hash that only one of them knows is fine.
bool is_same(const partial_header& there, const partial_header& asked) {
  return there.size_bytes == asked.size_bytes && there.chunk_bytes == asked.chunk_bytes
         && there.validator == asked.validator
         && (!there.sha256 || !asked.sha256 || there.sha256 == asked.sha256);
}

result<void> check(const partial_spec& spec) {
  if (spec.size_bytes > limits::object_bytes_max)
    return fail(ec::too_large, std::to_string(spec.size_bytes) + " bytes");
  if (spec.chunk_bytes == 0 || spec.validator.size() > chunk_map::validator_bytes_max)
    return fail(ec::invalid_argument, "a file in pieces without chunks, or a long validator");
  if (!spec.pieces)
    return {};
  auto& p = *spec.pieces;
  if (p.piece_length_bytes == 0 || p.piece_length_bytes > limits::piece_length_bytes_max)
    return fail(ec::invalid_argument, "pieces of that length");
  auto count = (spec.size_bytes + p.piece_length_bytes - 1) / p.piece_length_bytes;
  auto fits = [&](size_t n) { return n == 0 || n == count; };
  if (!fits(p.v1.size()) || !fits(p.v2.size())
      || (!p.v2.empty()
          && (!std::has_single_bit(p.piece_length_bytes)
              || p.piece_length_bytes < merkle::block_bytes)))
    return fail(ec::invalid_argument, "hashes of pieces that do not fit the file");
  return {};
}

uint32_t rounded_chunk_bytes(const partial_spec& spec) {
  if (!spec.pieces)
    return spec.chunk_bytes;
  auto piece = spec.pieces->piece_length_bytes;
  return (spec.chunk_bytes + piece - 1) / piece * piece;
}

} // namespace

result<std::unique_ptr<partial_object>>
partial_object::open(const fs::path& folder, const sha256_digest& key, const partial_spec& spec) {
  if (auto checked = check(spec); !checked)
    return tl::unexpected(checked.error());
  std::unique_ptr<partial_object> self(new partial_object);
  self->key_ = key;
  self->data_path_ = path_of(folder, key, ".data");
  self->map_path_ = path_of(folder, key, ".map");
  self->pieces_ = spec.pieces;
  self->header_ = {spec.size_bytes, rounded_chunk_bytes(spec), spec.sha256, spec.validator};
  auto count = (spec.size_bytes + self->chunk_bytes() - 1) / self->chunk_bytes();
  if (count > chunks_max)
    return fail(ec::too_large, "a file of " + std::to_string(count) + " chunks");
  self->chunk_count_ = static_cast<uint32_t>(count);
  if (auto made = make_folder(folder); !made)
    return tl::unexpected(made.error());
  auto went_on = self->go_on();
  if (!went_on)
    return tl::unexpected(went_on.error());
  if (!*went_on)
    if (auto begun = self->begin_anew(); !begun) {
      self->discard();
      return tl::unexpected(begun.error());
    }
  return self;
}

/// @returns whether there was something to go on with.
result<bool> partial_object::go_on() {
  std::vector<chunk_map::record> records;
  auto map = chunk_map::open(map_path_, key_, records);
  if (!map && map.error().code == ec::storage_failed)
    return tl::unexpected(map.error());
  struct stat info {};
  if (!map || !is_same(map->header(), header_) || ::stat(data_path_.c_str(), &info) != 0
      || static_cast<uint64_t>(info.st_size) != header_.size_bytes)
    return false;
  auto fd = open_file(data_path_, O_RDWR);
  if (!fd)
    return tl::unexpected(fd.error());
  data_ = std::move(*fd);
  map_ = std::move(*map);
  ready_.assign(chunk_count_, false);
  for (auto& [chunk, bytes] : records) {
    if (chunk >= chunk_count_ || bytes > length_of(chunk))
      return false;
    filling_.erase(chunk);
    ready_[chunk] = bytes == length_of(chunk);
    if (!ready_[chunk])
      filling_[chunk] = {bytes, false, true};
  }
  for (uint32_t chunk = 0; chunk < chunk_count_; ++chunk)
    ready_bytes_ += ready_[chunk] ? length_of(chunk) : 0;
  return true;
}

result<void> partial_object::begin_anew() {
  ready_.assign(chunk_count_, false);
  filling_.clear();
  ready_bytes_ = 0;
  std::error_code ignored;
  fs::remove(map_path_, ignored); // Before the bytes that it speaks of.
  // Somebody may still read what a former pull has brought: that stays as it is until he is done.
  fs::remove(data_path_, ignored);
  auto fd = open_file(data_path_, O_RDWR | O_CREAT | O_EXCL);
  if (!fd)
    return tl::unexpected(fd.error());
  data_ = std::move(*fd);
  auto length = static_cast<off_t>(header_.size_bytes);
  if (length > 0 && ::fallocate(data_.get(), 0, 0, length) != 0) {
    if (errno != EOPNOTSUPP && errno != ENOSYS)
      return tl::unexpected(errno_error(errno, "reserve", data_path_));
    if (::ftruncate(data_.get(), length) != 0)
      return tl::unexpected(errno_error(errno, "make room in", data_path_));
  }
  auto map = chunk_map::create(map_path_, key_, header_);
  if (!map)
    return tl::unexpected(map.error());
  map_ = std::move(*map);
  return {};
}

std::vector<partial_object::listed> partial_object::list(const fs::path& folder) {
  std::vector<listed> found;
  std::vector<fs::path> strays;
  std::error_code ignored;
  for (auto& item : fs::directory_iterator(folder, ignored)) {
    auto key = sha256_digest::from_hex(item.path().stem().string());
    auto extension = item.path().extension();
    std::vector<chunk_map::record> records;
    auto map = key && extension == ".map"
                   ? chunk_map::open(item.path(), *key, records)
                   : result<chunk_map>(fail(ec::not_found, item.path().string()));
    if (map && fs::exists(path_of(folder, *key, ".data"), ignored))
      found.push_back({*key, map->header()});
    else if (!key || extension != ".data" || !fs::exists(path_of(folder, *key, ".map"), ignored))
      strays.push_back(item.path());
  }
  for (auto& stray : strays)
    fs::remove(stray, ignored);
  return found;
}

std::optional<partial_header> partial_object::begun(const fs::path& folder,
                                                    const sha256_digest& key) {
  std::vector<chunk_map::record> ignored;
  auto map = chunk_map::open(path_of(folder, key, ".map"), key, ignored);
  return map ? std::optional{map->header()} : std::nullopt;
}

void partial_object::remove(const fs::path& folder, const sha256_digest& key) {
  ::unlink(path_of(folder, key, ".map").c_str());
  ::unlink(path_of(folder, key, ".data").c_str());
}

void partial_object::discard() {
  ::unlink(map_path_.c_str());
  ::unlink(data_path_.c_str());
}

// -- ending --------------------------------------------------------------------------------

result<void> partial_object::hash_some(uint64_t budget_bytes) {
  std::lock_guard lock(hash_mutex_);
  return hash_locked(budget_bytes);
}

bool partial_object::is_hashed() const {
  std::lock_guard lock(hash_mutex_);
  std::lock_guard state(mutex_);
  return hashed_chunks_ == chunk_count_ && hashed_when_forgotten_ == forgotten_;
}

/// Needs `hash_mutex_`. @returns whether the next chunk can be hashed.
bool partial_object::may_hash_next() {
  std::lock_guard lock(mutex_);
  if (std::exchange(hashed_when_forgotten_, forgotten_) != forgotten_) {
    hasher_ = {};
    hashed_chunks_ = 0;
    digest_.reset();
  }
  return hashed_chunks_ < chunk_count_ && ready_[hashed_chunks_];
}

/// Needs `hash_mutex_`.
result<void> partial_object::hash_locked(uint64_t budget_bytes) {
  std::vector<uint8_t> buffer;
  while (may_hash_next() && budget_bytes > 0) {
    auto at = uint64_t{hashed_chunks_} * chunk_bytes();
    auto end = at + length_of(hashed_chunks_);
    buffer.resize(hash_buffer_bytes);
    while (at < end) {
      auto part = std::span(buffer).first(std::min<uint64_t>(buffer.size(), end - at));
      if (auto got = read_exactly(at, part); !got) {
        hasher_ = {};
        hashed_chunks_ = 0;
        return got;
      }
      hasher_.update(part);
      at += part.size();
    }
    budget_bytes -= std::min<uint64_t>(budget_bytes, length_of(hashed_chunks_));
    ++hashed_chunks_;
  }
  return {};
}

result<sha256_digest> partial_object::finish(const placer& place) {
  if (!is_whole())
    return fail(ec::unavailable, data_path_.string() + " is not whole");
  if (auto synced = sync(); !synced)
    return tl::unexpected(synced.error());
  std::lock_guard lock(hash_mutex_);
  if (auto hashed = hash_locked(UINT64_MAX); !hashed)
    return tl::unexpected(hashed.error());
  {
    std::lock_guard state(mutex_);
    if (hashed_chunks_ != chunk_count_ || hashed_when_forgotten_ != forgotten_)
      return fail(ec::unavailable, data_path_.string() + " is not whole");
  }
  if (!digest_)
    digest_ = hasher_.finish();
  if (header_.sha256 && *digest_ != *header_.sha256)
    return fail(ec::hash_mismatch, "they hash to " + digest_->hex());
  if (auto placed = place(data_path_, *digest_); !placed)
    return tl::unexpected(placed.error());
  ::unlink(map_path_.c_str()); // Alone it is removed by `list`.
  return *digest_;
}

} // namespace shoal
