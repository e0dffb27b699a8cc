// SPDX-License-Identifier: Apache-2.0
#include "persistence/object_census.hpp"

#include <algorithm>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal {

namespace {

namespace fs = std::filesystem;

int64_t nanoseconds(const timespec& t) {
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// What is known of an object from each side.
struct sides {
  std::optional<object_files::listed> kept;
  std::optional<object_files::listed> cached;
  std::optional<object_index::row> row;
};

/// @returns how the file behind a link is now. It is trusted if its inode did not change after the
/// link was made, which was after it had been hashed.
std::optional<in_place_record> look_behind(const fs::path& link) {
  struct stat own {
  }, theirs{};
  std::error_code failure;
  auto target = fs::read_symlink(link, failure);
  if (failure || ::lstat(link.c_str(), &own) != 0 || ::stat(link.c_str(), &theirs) != 0)
    return std::nullopt;
  auto trusted = nanoseconds(theirs.st_ctim) < nanoseconds(own.st_ctim);
  return in_place_record{target.string(), nanoseconds(theirs.st_mtim), theirs.st_ino, trusted};
}

class census {
public:
  census(object_index& index, object_files& kept, object_files& cached, unix_seconds now)
      : index_(index), kept_(kept), cached_(cached), now_(now) {}

  result<void> take_bucket(uint8_t first_byte);
  census_report report;

private:
  result<void> settle(const sha256_digest& object, sides& x);
  result<void> settle_missing(const sha256_digest& object, object_index::row& row);
  object_record fresh_record(const sha256_digest& object, const object_files::listed& file,
                             const std::optional<object_index::row>& row) const;
  result<void> move(const sha256_digest& object, object_files& from, object_files& to);
  void note(const sha256_digest& object, const object_record& record);

  object_index& index_;
  object_files& kept_;
  object_files& cached_;
  unix_seconds now_;
  std::vector<object_index::row> changed_;
  std::vector<sha256_digest> gone_;
};

result<void> census::take_bucket(uint8_t first_byte) {
  auto rows = index_.bucket(first_byte);
  if (!rows)
    return tl::unexpected(rows.error());
  auto kept = kept_.list(first_byte);
  auto cached = cached_.list(first_byte);
  if (!kept || !cached)
    return tl::unexpected(kept ? cached.error() : kept.error());
  std::map<sha256_digest, sides> all;
  for (auto& file : *kept)
    all[file.object].kept = file;
  for (auto& file : *cached)
    all[file.object].cached = file;
  for (auto& row : *rows)
    all[row.object].row = std::move(row);
  changed_.clear();
  gone_.clear();
  for (auto& [object, x] : all)
    if (auto settled = settle(object, x); !settled)
      return settled;
  auto done = index_.put(changed_);
  return done ? index_.erase(gone_) : done;
}

/// Both moves complete what a killed process had begun.
result<void> census::settle(const sha256_digest& object, sides& x) {
  if (!x.kept && !x.cached)
    return settle_missing(object, *x.row);
  if (x.kept && x.cached)
    if (auto removed = cached_.remove(object); !removed)
      return removed;
  auto& file = x.kept ? *x.kept : *x.cached;
  auto usable = x.row && !x.row->damaged && !x.row->record.lost
                && x.row->record.in_place.has_value() == file.is_link
                && (file.is_link || x.row->record.size_bytes == file.size_bytes);
  auto record = usable ? x.row->record : fresh_record(object, file, x.row);
  if (!x.row)
    record.kept = x.kept.has_value();
  else if (x.row->damaged || (x.kept && x.cached))
    record.kept = x.kept || record.pins > 0;
  if (file.is_link && !record.kept) {
    ++report.dropped;
    gone_.push_back(object);
    return kept_.remove(object);
  }
  if (record.kept && !x.kept) {
    if (auto moved = move(object, cached_, kept_); !moved)
      return moved;
  } else if (!record.kept && x.kept && !file.is_link) {
    if (auto moved = move(object, kept_, cached_); !moved)
      return moved;
  }
  if (!x.row)
    ++report.added;
  else if (record != x.row->record || x.row->damaged)
    ++report.mended;
  if (!x.row || record != x.row->record || x.row->damaged)
    changed_.push_back({object, record, false});
  note(object, record);
  return {};
}

result<void> census::settle_missing(const sha256_digest& object, object_index::row& row) {
  if (row.record.pins == 0) {
    ++report.dropped;
    gone_.push_back(object);
    return {};
  }
  report.lost.push_back(object);
  if (row.record.lost && !row.damaged)
    return {};
  row.record.lost = true;
  row.record.kept = true;
  changed_.push_back({object, row.record, false});
  return {};
}

object_record census::fresh_record(const sha256_digest& object, const object_files::listed& file,
                                   const std::optional<object_index::row>& row) const {
  object_record record;
  record.size_bytes = file.size_bytes;
  record.added_at = row && !row->damaged ? row->record.added_at : std::min(file.changed_at, now_);
  record.pins = row ? row->record.pins : 0;
  record.kept = row ? row->record.kept || record.pins > 0 : false;
  if (file.is_link)
    record.in_place = look_behind(kept_.path_of(object));
  if (file.is_link)
    record.kept = true;
  return record;
}

result<void> census::move(const sha256_digest& object, object_files& from, object_files& to) {
  ++report.mended;
  return from.move_to(to, object);
}

void census::note(const sha256_digest& object, const object_record& record) {
  if (!record.kept)
    report.cached.push_back({object, record});
  if (record.in_place) {
    report.in_place.bytes += record.size_bytes;
    ++report.in_place.count;
  }
  // Whole records alone would do, but for files in place a doubt keeps them from being served.
  if (record.verified_at == 0 && (!record.in_place || !record.in_place->trusted))
    report.suspects.push_back(object);
}

} // namespace

result<census_report> take_census(object_index& index, object_files& kept, object_files& cached,
                                  unix_seconds now) {
  census all(index, kept, cached, now);
  for (int first_byte = 0; first_byte < 256; ++first_byte)
    if (auto taken = all.take_bucket(static_cast<uint8_t>(first_byte)); !taken)
      return tl::unexpected(taken.error());
  return std::move(all.report);
}

std::optional<std::pair<in_place_record, uint64_t>> stamp_of(int fd, const fs::path& path) {
  struct stat now {};
  if (::fstat(fd, &now) != 0 || !S_ISREG(now.st_mode))
    return std::nullopt;
  in_place_record at{path.string(), nanoseconds(now.st_mtim), now.st_ino, true};
  return std::pair(std::move(at), static_cast<uint64_t>(now.st_size));
}

bool is_unchanged(const in_place_record& at, uint64_t size_bytes, int fd) {
  struct stat now {};
  return at.trusted && ::fstat(fd, &now) == 0 && static_cast<uint64_t>(now.st_size) == size_bytes
         && nanoseconds(now.st_mtim) == at.mtime_ns && now.st_ino == at.inode;
}

} // namespace shoal
