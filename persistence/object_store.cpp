// SPDX-License-Identifier: Apache-2.0
// Opening, reading and what comes in. Pins: object_pins.cpp; scrubbing: object_scrub.cpp.
#include "persistence/object_store.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal {

namespace fs = std::filesystem;

namespace {

/// Freed for an upload of unknown size.
constexpr uint64_t unknown_size_bytes = uint64_t{64} << 20;

} // namespace

bool object_store::reader::is_intact() const {
  return !in_place || is_unchanged(*in_place, size_bytes, file.get());
}

object_store::object_store(object_store_config config) : config_(std::move(config)) {}

object_store::~object_store() {
  if (ledger_)
    (void)save_standings(); // What is not known next time is learned again.
}

result<std::unique_ptr<object_store>> object_store::open(object_store_config config) {
  std::unique_ptr<object_store> self(new object_store(std::move(config)));
  if (auto started = self->start(); !started)
    return tl::unexpected(started.error());
  return self;
}

result<void> object_store::start() {
  if (auto made = make_folder(config_.root / "quarantine"); !made)
    return made;
  auto index = object_index::open(config_.root / "index", config_.sync);
  if (!index)
    return tl::unexpected(index.error());
  index_ = std::move(*index);
  auto kept = object_files::open(config_.root);
  auto cached = object_files::open(config_.root, {"cache", "cache-incoming"});
  if (!kept || !cached)
    return tl::unexpected(kept ? cached.error() : kept.error());
  kept_ = std::move(*kept);
  cached_ = std::move(*cached);
  auto counted = take_census(*index_, *kept_, *cached_, config_.now());
  if (!counted)
    return tl::unexpected(counted.error());
  census_ = std::move(*counted);
  auto oldest_first = std::exchange(census_.cached, {});
  std::sort(oldest_first.begin(), oldest_first.end(),
            [](auto& a, auto& b) { return a.record.added_at < b.record.added_at; });
  auto ledger = std::make_shared<cache_ledger>(config_.cache_bytes_max);
  for (auto& [object, record] : oldest_first)
    ledger->restore(object, record.size_bytes, {record.hits, record.settled});
  ledger_ = std::move(ledger);
  in_place_ = census_.in_place;
  lost_.insert(census_.lost.begin(), census_.lost.end());
  to_scrub_ = census_.suspects;
  return set_cache_bound(config_.cache_bytes_max);
}

// -- reading ---------------------------------------------------------------------------------

/// Looks twice, because an object may move from one folder to the other in between.
result<unique_fd> object_store::open_object(const sha256_digest& object, bool& is_link) const {
  is_link = false;
  for (int turn = 0; turn < 2; ++turn)
    for (auto* files : {kept_.get(), cached_.get()}) {
      auto path = files->path_of(object);
      auto fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
      if (fd < 0 && errno == ELOOP) {
        is_link = true;
        fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      }
      if (fd >= 0)
        return unique_fd(fd);
      if (errno != ENOENT && errno != ENOTDIR)
        return tl::unexpected(errno_error(errno, "open", path));
    }
  return fail(ec::not_found, "object " + object.hex());
}

result<object_store::reader> object_store::read(const sha256_digest& object) {
  reader r;
  r.lease = ledger_->take_lease(object);
  bool is_link = false;
  auto file = open_object(object, is_link);
  if (!file)
    return tl::unexpected(file.error());
  r.file = std::move(*file);
  struct stat info {};
  if (::fstat(r.file.get(), &info) != 0)
    return tl::unexpected(errno_error(errno, "read", "object " + object.hex()));
  r.size_bytes = static_cast<uint64_t>(info.st_size);
  auto known = index_->find(object);
  if (!known)
    return tl::unexpected(known.error());
  if (is_link) {
    if (!*known || !(*known)->in_place || !(*known)->in_place->trusted)
      return fail(ec::unavailable, "object " + object.hex() + " has to be hashed first");
    r.in_place = (*known)->in_place;
    if ((*known)->size_bytes == r.size_bytes && r.is_intact())
      return r;
    (void)set_apart(object, object_finding::kind::changed, r.in_place->path + " was changed",
                    info.st_ino);
    return fail(ec::corrupt, r.in_place->path + " was changed");
  }
  // A record may be behind its file by a moment, but then it says lost, or in place.
  if (!*known || (*known)->lost || (*known)->in_place || (*known)->size_bytes == r.size_bytes)
    return r;
  auto detail = "it has " + std::to_string(r.size_bytes) + " bytes instead of "
                + std::to_string((*known)->size_bytes);
  (void)set_apart(object, object_finding::kind::corrupt, detail, info.st_ino);
  return fail(ec::corrupt, "object " + object.hex() + ": " + detail);
}

result<std::string> object_store::load(const sha256_digest& object, uint64_t max_bytes) {
  auto opened = read(object);
  if (!opened)
    return tl::unexpected(opened.error());
  if (opened->size_bytes > max_bytes)
    return fail(ec::too_large,
                "object " + object.hex() + " has " + std::to_string(opened->size_bytes) + " bytes");
  std::string bytes(opened->size_bytes, '\0');
  auto out = std::span(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  auto got = read_full(opened->file.get(), out, object.hex());
  if (!got)
    return tl::unexpected(got.error());
  if (*got == bytes.size() && sha256(bytes) == object)
    return bytes;
  struct stat info {};
  if (::fstat(opened->file.get(), &info) == 0)
    (void)set_apart(
        object, opened->in_place ? object_finding::kind::changed : object_finding::kind::corrupt,
        "its bytes do not hash to its name", info.st_ino);
  return fail(ec::corrupt, "object " + object.hex() + " does not hash to its name");
}

std::optional<uint64_t> object_store::size(const sha256_digest& object) const {
  auto found = kept_->size(object);
  return found ? found : cached_->size(object);
}

// -- coming in -------------------------------------------------------------------------------

result<object_files::upload> object_store::begin(std::optional<uint64_t> size_bytes) {
  auto begun = kept_->begin(size_bytes);
  if (begun || begun.error().code != ec::storage_full
      || free_disk(size_bytes.value_or(unknown_size_bytes)) == 0)
    return begun;
  return kept_->begin(size_bytes);
}

result<sha256_digest> object_store::put(std::string_view bytes, const std::string& owner) {
  auto incoming = begin(bytes.size());
  if (!incoming)
    return tl::unexpected(incoming.error());
  if (auto appended = incoming->append(as_bytes(bytes)); !appended)
    return tl::unexpected(appended.error());
  auto object = incoming->finish();
  if (!object)
    return object;
  if (auto pinned = pin(owner, {*object}); !pinned)
    return tl::unexpected(pinned.error());
  return object;
}

result<object_store::room> object_store::make_room(uint64_t size_bytes) {
  std::lock_guard lock(change_mutex_);
  auto gone = ledger_->make_room(size_bytes);
  if (!gone)
    return fail(ec::storage_full, "the cache has no room for " + std::to_string(size_bytes)
                                      + " bytes beside what is in use");
  auto stand_in = sha256("room " + std::to_string(serial_++));
  ledger_->reserve(stand_in, size_bytes);
  room made(*this, stand_in, size_bytes);
  if (auto evicted = evict_locked(*gone); !evicted)
    return tl::unexpected(evicted.error());
  return made;
}

object_store::room::room(room&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), stand_in_(other.stand_in_),
      bytes_(other.bytes_) {}

object_store::room::~room() {
  if (store_)
    store_->ledger_->remove(stand_in_);
}

result<void> object_store::room::fill(const fs::path& file, const sha256_digest& object) {
  SHOAL_CHECK(store_);
  auto done = store_->fill(*this, file, object);
  if (done)
    store_ = nullptr;
  return done;
}

result<void> object_store::fill(room& r, const fs::path& file, const sha256_digest& object) {
  std::lock_guard lock(change_mutex_);
  auto known = index_->find(object);
  if (!known)
    return tl::unexpected(known.error());
  auto kept = (*known && (*known)->pins > 0) || kept_->size(object);
  auto& to = kept ? *kept_ : *cached_;
  if (auto taken = to.take(file, object); !taken)
    return taken;
  if (kept)
    ledger_->remove(r.stand_in_);
  else
    ledger_->settle(r.stand_in_, object, r.bytes_);
  return note_arrival_locked(object, kept);
}

result<void> object_store::take(const fs::path& file, const sha256_digest& object,
                                const std::string& owner) {
  std::lock_guard lock(change_mutex_);
  if (auto taken = kept_->take(file, object); !taken)
    return taken;
  ledger_->remove(object);
  if (auto removed = cached_->remove(object); !removed)
    return removed;
  if (auto noted = note_arrival_locked(object, true); !noted)
    return noted;
  return owner.empty() ? result<void>() : pin_locked(owner, {&object, 1});
}

/// The file is there under its name; its record follows.
result<void> object_store::note_arrival_locked(const sha256_digest& object, bool kept) {
  auto known = index_->find(object);
  if (!known)
    return tl::unexpected(known.error());
  auto record = known->value_or(object_record{});
  record.size_bytes = size(object).value_or(0);
  record.kept = kept;
  record.lost = false;
  record.in_place.reset();
  record.verified_at = config_.now();
  if (!*known)
    record.added_at = record.verified_at;
  if (auto written = index_->put(std::vector{row{object, record, false}}); !written)
    return written;
  forget_facts(object, *known);
  return {};
}

result<sha256_digest> object_store::adopt(in_place_file& file, const std::string& owner) {
  if (is_below(file.path(), std::filesystem::canonical(config_.root)))
    return fail(ec::invalid_argument, file.path().string() + " is the node's own");
  auto object = file.finish();
  if (!object)
    return object;
  std::lock_guard lock(change_mutex_);
  auto is_link = false; // An old link may lead to what is no longer right.
  if (auto there = open_object(*object, is_link); !there || is_link)
    if (auto linked = link_locked(*object, file.size_bytes(), file.before()); !linked)
      return tl::unexpected(linked.error());
  if (owner.empty())
    return object;
  auto pinned = pin_locked(owner, {&*object, 1});
  return pinned ? object : tl::unexpected(pinned.error());
}

bool object_store::is_served_from(const sha256_digest& object, const fs::path& file) const {
  auto is_link = false;
  auto opened = open_object(object, is_link);
  if (!opened || !is_link)
    return opened.has_value();
  auto known = index_->find(object);
  return known && *known && (*known)->in_place && (*known)->in_place->path == file
         && is_unchanged(*(*known)->in_place, (*known)->size_bytes, opened->get());
}

result<void> object_store::link_locked(const sha256_digest& object, uint64_t size_bytes,
                                       const in_place_record& at) {
  if (auto linked = kept_->link(at.path, object); !linked)
    return linked;
  if (auto noted = note_arrival_locked(object, true); !noted)
    return noted;
  auto r = row_of(object);
  if (!r)
    return tl::unexpected(r.error());
  r->record.size_bytes = size_bytes;
  r->record.in_place = at;
  if (auto written = index_->put({&*r, 1}); !written)
    return written;
  std::lock_guard lock(facts_mutex_);
  in_place_.bytes += size_bytes;
  ++in_place_.count;
  return {};
}

object_store::totals object_store::usage() const {
  totals all{kept_->usage(),   cached_->usage(), {},
             ledger_->bytes(), ledger_->bound(), 0,
             quarantined_,     evicted_,         scrubbed_bytes_};
  std::lock_guard lock(facts_mutex_);
  all.in_place = in_place_;
  all.lost = lost_.size();
  return all;
}

} // namespace shoal
