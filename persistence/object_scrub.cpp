// SPDX-License-Identifier: Apache-2.0
// Hashing what is stored, and what becomes of objects that are not what they should be.
#include "core/limits.hpp"
#include "persistence/object_store.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal {

namespace fs = std::filesystem;

namespace {

constexpr size_t piece_bytes = 1 << 20;

/// Objects taken from the index at once.
constexpr size_t page_objects = 256;

/// What an object costs beside its bytes, so that many empty ones end a turn as well.
constexpr uint64_t object_cost_bytes = 4096;

/// Files in quarantine; the oldest goes.
constexpr size_t quarantine_files_max = 32;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (auto& item : fs::directory_iterator(folder, ignored))
    if (item.path().extension() != ".txt")
      found.push_back(item.path());
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace

result<std::vector<object_finding>> object_store::scrub(uint64_t budget_bytes) {
  std::unique_lock turn(scrub_mutex_, std::try_to_lock);
  if (!turn)
    return fail(ec::busy, "objects are being scrubbed");
  std::vector<object_finding> findings;
  round_over_ = false;
  while (budget_bytes > 0) {
    result<std::optional<object_finding>> found{std::nullopt};
    if (!scrubbing_) {
      auto next = next_to_scrub();
      if (!next)
        break;
      found = begin_scrub(*next, scrubbing_);
      budget_bytes -= std::min(budget_bytes, object_cost_bytes);
    } else {
      auto finished = scrub_some(*scrubbing_, budget_bytes);
      if (finished && !*finished)
        break;
      found = finished ? judge(*scrubbing_) : tl::unexpected(finished.error());
      scrubbing_.reset();
    }
    if (!found)
      return tl::unexpected(found.error());
    if (*found)
      findings.push_back(std::move(**found));
  }
  auto written = write_verified();
  if (!written)
    return tl::unexpected(written.error());
  return findings;
}

bool object_store::scrubbed_all() {
  std::lock_guard turn(scrub_mutex_);
  return round_over_;
}

result<std::optional<object_finding>> object_store::verify(const sha256_digest& object) {
  std::lock_guard turn(scrub_mutex_);
  std::optional<scrubbing> at;
  auto begun = begin_scrub(object, at);
  if (!begun || !at)
    return begun;
  auto budget_bytes = limits::object_bytes_max;
  if (auto finished = scrub_some(*at, budget_bytes); !finished)
    return tl::unexpected(finished.error());
  auto found = judge(*at);
  auto written = write_verified();
  return written ? found : tl::unexpected(written.error());
}

/// @returns nothing when all have had their turn; the call after that begins anew.
std::optional<sha256_digest> object_store::next_to_scrub() {
  if (to_scrub_.empty() && !last_page_) {
    auto first = cursor_;
    (void)index_->scan(first, [&](const sha256_digest& object, object_record&& record) {
      cursor_ = object;
      if (!record.lost && object != first)
        to_scrub_.push_back(object);
      return to_scrub_.size() < page_objects;
    });
    std::reverse(to_scrub_.begin(), to_scrub_.end());
    last_page_ = to_scrub_.size() < page_objects;
    if (last_page_)
      cursor_ = {};
  }
  if (to_scrub_.empty()) {
    last_page_ = false;
    round_over_ = true;
    return std::nullopt;
  }
  auto next = to_scrub_.back();
  to_scrub_.pop_back();
  return next;
}

/// @param at set if there is something to hash.
result<std::optional<object_finding>> object_store::begin_scrub(const sha256_digest& object,
                                                                std::optional<scrubbing>& at) {
  scrubbing begun;
  begun.object = object;
  auto file = open_object(object, begun.is_link);
  if (!file && file.error().code == ec::not_found) {
    auto known = index_->find(object);
    if (!known || !*known || (*known)->lost)
      return std::nullopt;
    return set_apart(object, object_finding::kind::missing, "its file is gone", 0);
  }
  if (!file)
    return tl::unexpected(file.error());
  std::error_code ignored;
  auto path = begun.is_link ? fs::read_symlink(kept_->path_of(object), ignored) : fs::path();
  auto before = stamp_of(file->get(), path);
  if (!before)
    return std::nullopt; // No regular file: only a link leads to such a thing, and it serves
                         // nobody.
  begun.file = std::move(*file);
  begun.before = before->first;
  begun.size_bytes = before->second;
  at.emplace(std::move(begun));
  return std::nullopt;
}

/// @returns whether the whole file is hashed. What was read leaves the page cache again.
result<bool> object_store::scrub_some(scrubbing& at, uint64_t& budget_bytes) const {
  std::vector<uint8_t> buffer(piece_bytes);
  while (budget_bytes > 0) {
    auto n
        = ::pread(at.file.get(), buffer.data(), buffer.size(), static_cast<off_t>(at.done_bytes));
    if (n < 0 && errno == EINTR)
      continue;
    if (n == 0)
      return true;
    if (n < 0) // As good as wrong bytes: the hash of what is left will tell.
      return errno == EIO ? result<bool>(true)
                          : tl::unexpected(errno_error(errno, "read", "object " + at.object.hex()));
    at.hasher.update(std::span(buffer).first(static_cast<size_t>(n)));
    ::posix_fadvise(at.file.get(), static_cast<off_t>(at.done_bytes), n, POSIX_FADV_DONTNEED);
    at.done_bytes += static_cast<uint64_t>(n);
    scrubbed_bytes_ += static_cast<uint64_t>(n);
    budget_bytes -= std::min(budget_bytes, static_cast<uint64_t>(n));
  }
  return at.done_bytes >= at.size_bytes;
}

result<std::optional<object_finding>> object_store::judge(scrubbing& at) {
  auto good = at.hasher.finish() == at.object;
  auto same = is_unchanged(at.before, at.size_bytes, at.file.get());
  if (good && (same || !at.is_link)) {
    verified_.emplace_back(at.object, at.is_link ? std::optional(at.before) : std::nullopt);
    return std::nullopt;
  }
  return at.is_link ? set_apart(at.object, object_finding::kind::changed,
                                at.before.path + " was changed", at.before.inode)
                    : set_apart(at.object, object_finding::kind::corrupt,
                                "its bytes do not hash to its name", at.before.inode);
}

result<void> object_store::write_verified() {
  std::lock_guard lock(change_mutex_);
  std::vector<row> rows;
  for (auto& [object, stamp] : std::exchange(verified_, {})) {
    auto known = index_->find(object);
    if (!known)
      return tl::unexpected(known.error());
    if (!*known || (*known)->lost || (*known)->in_place.has_value() != stamp.has_value())
      continue;
    (*known)->verified_at = config_.now();
    (*known)->in_place = stamp;
    rows.push_back({object, std::move(**known), false});
  }
  return index_->put(rows);
}

// -- what is not what it should be -------------------------------------------------------------

/// @param inode the file that was found wrong, or 0 for none.
/// @returns nothing if it is another one by now: evicted, or replaced by a good copy.
result<std::optional<object_finding>> object_store::set_apart(const sha256_digest& object,
                                                              object_finding::kind what,
                                                              std::string detail, uint64_t inode) {
  std::lock_guard lock(change_mutex_);
  bool is_link = false;
  auto file = open_object(object, is_link);
  struct stat info {};
  if (file.has_value() != (inode != 0)
      || (file && (::fstat(file->get(), &info) != 0 || info.st_ino != inode)))
    return std::nullopt;
  auto known = index_->find(object);
  if (!known)
    return tl::unexpected(known.error());
  object_finding finding{object, what, *known && (*known)->pins > 0, std::move(detail)};
  auto away = what == object_finding::kind::corrupt ? quarantine_locked(object, finding.detail)
                                                    : kept_->remove(object);
  if (!away)
    return tl::unexpected(away.error());
  ledger_->remove(object);
  forget_facts(object, *known);
  if (!finding.pinned) {
    auto erased = index_->erase({&object, 1});
    return erased ? result<std::optional<object_finding>>(std::move(finding))
                  : tl::unexpected(erased.error());
  }
  row r{object, **known, false};
  r.record.lost = true;
  r.record.in_place.reset();
  auto written = index_->put({&r, 1});
  if (!written)
    return tl::unexpected(written.error());
  std::lock_guard facts(facts_mutex_);
  lost_.insert(object);
  return finding;
}

result<void> object_store::quarantine_locked(const sha256_digest& object,
                                             const std::string& detail) {
  auto folder = config_.root / "quarantine";
  auto file = folder / (std::to_string(config_.now()) + '-' + object.hex());
  auto& files = kept_->size(object) ? *kept_ : *cached_;
  if (auto moved = files.move_to(file, object); !moved)
    return moved.error().code == ec::not_found ? result<void>() : moved;
  ++quarantined_;
  auto reason = file;
  reason += ".txt";
  if (auto fd = open_file(reason, O_WRONLY | O_CREAT | O_TRUNC)) // It only helps people.
    (void)write_all(fd->get(), as_bytes(detail + '\n'), reason);
  auto all = files_in(folder);
  for (size_t i = 0; i + quarantine_files_max < all.size(); ++i) {
    std::error_code ignored;
    fs::remove(all[i], ignored);
    fs::remove(all[i].string() + ".txt", ignored);
  }
  return {};
}

} // namespace shoal
