// SPDX-License-Identifier: Apache-2.0
#include "actors/pulled_file.hpp"

#include "persistence/known_pieces.hpp"
#include "protocol/digest.hpp"

namespace shoal {

namespace {

constexpr std::string_view by_pieces_mark = "pieces:";

/// Chunks that came unchecked never count as checked, and no answer in time is no reason to throw
/// away what was.
result<void> go_on_as_begun(const std::filesystem::path& folder, pull_spec& what) {
  auto begun = what.sha256 ? partial_object::begun(folder, what.key) : std::nullopt;
  if (!begun || begun->sha256 != what.sha256 || begun->size_bytes != what.size_bytes)
    return {};
  auto by_pieces = begun->validator.find(by_pieces_mark) != std::string::npos;
  if (by_pieces && !what.pieces && !what.pieces_are_sure)
    return fail(ec::unavailable, "the hashes of its pieces are on nodes that do not answer");
  if (!by_pieces)
    what.pieces = nullptr;
  return {};
}

} // namespace

result<std::shared_ptr<pulled_file>> pulled_file::open(object_store& store,
                                                       const std::filesystem::path& folder,
                                                       pull_spec what, uint64_t held_bytes) {
  auto room = store.make_room(what.size_bytes);
  if (!room)
    return tl::unexpected{room.error()};
  if (auto sound = go_on_as_begun(folder, what); !sound)
    return tl::unexpected{sound.error()};
  partial_spec spec;
  spec.size_bytes = what.size_bytes;
  spec.sha256 = what.sha256;
  spec.pieces = what.pieces;
  // What has a hash is the same whatever an origin calls it.
  spec.validator = what.git_blob ? "git:" + what.git_blob->hex() : what.sha256 ? "" : what.etag;
  // Chunks that came unchecked are not taken for others, and those that were checked against other
  // pieces may be none of these.
  if (what.pieces)
    spec.validator += std::string{by_pieces_mark} + fingerprint(*what.pieces).hex();
  auto key = what.key;
  // What nothing can tell from another version is not gone on with.
  if (!what.is_checkable() && what.etag.empty())
    partial_object::remove(folder, key);
  std::shared_ptr<pulled_file> made{new pulled_file{std::move(what), std::move(*room), held_bytes}};
  auto bytes = partial_object::open(folder, key, spec);
  if (!bytes)
    return tl::unexpected{bytes.error()};
  made->bytes_ = std::move(*bytes);
  return made;
}

/// Up to where it may be read before all of it was checked: of what is checked piece by piece only
/// the last byte waits.
uint64_t pulled_file::open_until() const {
  if (is_right() || !spec_.is_checkable())
    return spec_.size_bytes;
  if (spec_.pieces)
    return spec_.size_bytes - 1;
  if (is_held())
    return 0;
  return uint64_t{bytes_->chunk_count() - 1} * bytes_->chunk_bytes();
}

uint64_t pulled_file::ready_from(uint64_t offset, uint64_t max) const {
  if (is_spoilt())
    return 0;
  auto end = open_until();
  return offset >= end ? 0 : bytes_->ready_from(offset, std::min(max, end - offset));
}

result<size_t> pulled_file::read(uint64_t offset, std::span<uint8_t> out) const {
  auto got = bytes_->read(offset, out.first(ready_from(offset, out.size())));
  // Asked last: what was read before it was found to be wrong must not go out.
  if (got && is_spoilt())
    return fail(ec::unavailable, "what came from the origin was wrong");
  return got;
}

std::string pulled_file::tag_of(uint32_t source) const {
  std::lock_guard guard{mutex_};
  auto found = tags_.find(source);
  return found == tags_.end() ? std::string{} : found->second;
}

void pulled_file::note_tag(uint32_t source, const std::string& etag) {
  std::lock_guard guard{mutex_};
  tags_.try_emplace(source, etag);
}

/// @source git hash-object
result<void> pulled_file::check_git_blob() const {
  if (!spec_.git_blob)
    return {};
  sha1_hasher hasher;
  auto head = "blob " + std::to_string(spec_.size_bytes) + '\0';
  hasher.update(as_bytes(head));
  std::vector<uint8_t> buffer(1 << 20);
  for (uint64_t at = 0; at < spec_.size_bytes;) {
    auto got = bytes_->read(at, buffer);
    if (!got)
      return tl::unexpected{got.error()};
    if (*got == 0)
      return fail(ec::unavailable, "the file is not whole");
    hasher.update(std::span{buffer}.first(*got));
    at += *got;
  }
  if (hasher.finish() != *spec_.git_blob)
    return fail(ec::hash_mismatch, "the bytes are no blob " + spec_.git_blob->hex());
  return {};
}

result<sha256_digest> pulled_file::finish() {
  auto place = [this](const std::filesystem::path& file, const sha256_digest& object) {
    return room_->fill(file, object);
  };
  auto object = check_git_blob().and_then([&] { return bytes_->finish(place); });
  if (object)
    right_.store(true, std::memory_order_release);
  else if (object.error().code == ec::hash_mismatch)
    discard();
  return object;
}

void pulled_file::discard() {
  spoil();
  bytes_->discard();
  room_.reset();
}

} // namespace shoal
