// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/get_job.hpp"

#include "cmd/cli/interrupt.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/get/placing.hpp"
#include "core/limits.hpp"
#include "persistence/posix_file.hpp"
#include "protocol/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace shoal::cli {

namespace {

namespace fs = std::filesystem;

tl::unexpected<failure> trouble_with(const error& err) {
  return err.code == ec::shutting_down ? interruption() : local_trouble(err);
}

std::string hex_of(const offered_file& file) {
  return file.sha256 ? file.sha256->hex() : file.git_blob ? file.git_blob->hex() : "-";
}

/// Whether these are the bytes that are offered, by whichever name they have.
result<bool> has_bytes_of(const fs::path& at, const offered_file& what,
                          const std::function<void(uint64_t)>& on_bytes = {}) {
  auto is_object = [&](const sha256_digest& x) { return x == what.sha256; };
  auto is_blob = [&](const sha1_digest& x) { return x == what.git_blob; };
  if (what.sha256)
    return get::hash_file(at, interrupted(), on_bytes).map(is_object);
  if (what.git_blob)
    return get::hash_blob(at, interrupted()).map(is_blob);
  return true;
}

/// Blocks on the disk: a part may be sparse.
uint64_t used_bytes(const fs::path& file) {
  struct stat st {};
  return ::stat(file.c_str(), &st) == 0 ? static_cast<uint64_t>(st.st_blocks) * 512 : 0;
}

fs::path root_of(const get_options& options, const get_source& source,
                 const std::optional<get::hub_cache>& cache) {
  if (cache)
    return cache->root();
  return fs::absolute(options.to.empty() ? fs::path(source.folder) : fs::path(options.to));
}

} // namespace

get_job::get_job(get_source source, fs::path root, get::state_folder state)
    : source_(std::move(source)), root_(std::move(root)), state_(std::move(state)) {}

outcome<get_job> get_job::open(const context&, const get_options& options, get_source source,
                               std::optional<get::hub_names> names) {
  std::optional<get::hub_cache> cache;
  if (names)
    cache.emplace(options.hub_cache_folder.empty() ? get::hub_cache::default_folder()
                                                   : fs::absolute(options.hub_cache_folder),
                  source.kind, source.what->id);
  const auto root = root_of(options, source, cache);
  std::vector<size_t> chosen;
  for (size_t i = 0; i < source.files.size(); ++i)
    if (options.files.wants(source.files[i].path))
      chosen.push_back(i);
  if (chosen.empty())
    return refuse(exit_code::usage, "no file of " + source.title + " is meant by these patterns");
  const auto key = get::state_key(source.what ? source.title : source.torrent->key);
  auto state = get::state_folder::open(root, key);
  if (!state)
    return local_trouble(state.error());
  if (source.what) // For `shoal seed`.
    if (auto saved = state->save("what", source.title); !saved)
      return local_trouble(saved.error());
  get_job job(std::move(source), root, std::move(*state));
  job.cache_ = std::move(cache);
  job.names_ = std::move(names);
  for (auto i : chosen) {
    wanted_file file;
    file.number = i;
    file.what = job.source_.files[i];
    if (job.names_)
      file.etag = job.names_->etags[file.what.path];
    file.place = job.place_of(file.what);
    file.part = job.state_.part(i);
    job.files_.push_back(std::move(file));
  }
  return job;
}

fs::path get_job::place_of(const offered_file& file) const {
  if (!names_)
    return root_ / file.path;
  auto etag = names_->etags.find(file.path);
  return cache_->blob(etag == names_->etags.end() ? "unknown" : etag->second);
}

fs::path get_job::whereabouts(const offered_file& file, size_t number) const {
  const auto place = place_of(file);
  const auto noted = state_.placed().find(file.path);
  const bool is_there
      = noted != state_.placed().end() && get::look_at(place, hex_of(file)) == noted->second;
  return is_there ? place : state_.part(number);
}

outcome<void> get_job::find_existing(download_view& view) {
  download_progress progress{"checking", 0, total_bytes(), 0, 0, files_.size(), 0, 0, {}};
  for (auto& file : files_) {
    const auto now = get::look_at(file.place, hex_of(file.what));
    if (!now || now->size_bytes != file.what.size_bytes)
      continue;
    const auto noted = state_.placed().find(file.what.path);
    bool is_there = noted != state_.placed().end() && noted->second == *now;
    if (!is_there && (file.what.sha256 || file.what.git_blob)) {
      auto is_same = has_bytes_of(file.place, file.what, [&](uint64_t bytes) {
        progress.done_bytes += bytes;
        view.update(progress);
      });
      if (!is_same)
        return trouble_with(is_same.error());
      is_there = *is_same;
    }
    if (is_there)
      if (auto ok = note_placed(file, view, true); !ok)
        return ok;
    progress.files_done = placed_count();
  }
  return {};
}

outcome<void> get_job::make_empty_files(download_view& view) {
  for (auto& file : files_) {
    if (file.placed || file.what.size_bytes != 0)
      continue;
    if (file.what.sha256 && *file.what.sha256 != sha256(std::string_view{}))
      return refuse(exit_code::refused, safe_text(file.what.path) + " cannot have that hash");
    if (auto made = open_file(file.part, O_WRONLY | O_CREAT | O_TRUNC); !made)
      return local_trouble(made.error());
    if (auto moved = get::move_into_place(file.part, file.place); !moved)
      return local_trouble(moved.error());
    if (auto ok = note_placed(file, view); !ok)
      return ok;
  }
  return {};
}

outcome<void> get_job::check_room() const {
  uint64_t needed = 0;
  for (auto& file : files_)
    if (!file.placed)
      needed += file.what.size_bytes - std::min(file.what.size_bytes, used_bytes(file.part));
  const auto available = disk_available_bytes(state_.path());
  if (available != 0 && needed > available)
    return refuse(exit_code::local_trouble,
                  fmt::format("{} are needed in {}, {} are free", human_size(needed),
                              root_.string(), human_size(available)));
  return {};
}

outcome<void> get_job::note_placed(wanted_file& file, download_view& view, bool known) {
  const auto now = get::look_at(file.place, hex_of(file.what));
  if (!now || now->size_bytes != file.what.size_bytes)
    return refuse(exit_code::local_trouble, "somebody else changes " + file.place.string());
  if (auto noted = state_.note_placed(file.what.path, *now); !noted)
    return local_trouble(noted.error());
  if (cache_)
    if (auto linked = cache_->link(names_->commit, file.what.path, file.etag); !linked)
      return local_trouble(linked.error());
  file.placed = true;
  view.placed(file.what.path, file.what.size_bytes,
              file.what.sha256 ? file.what.sha256->hex() : std::string{}, known);
  return {};
}

outcome<bool> get_job::is_right(const wanted_file& file) {
  auto is_same = has_bytes_of(file.part, file.what);
  if (!is_same)
    return trouble_with(is_same.error());
  return *is_same;
}

bool get_job::is_complete() const {
  return std::all_of(files_.begin(), files_.end(), [](auto& file) { return file.placed; });
}

uint64_t get_job::total_bytes() const {
  uint64_t sum = 0;
  for (auto& file : files_)
    sum += file.what.size_bytes;
  return sum;
}

uint64_t get_job::placed_bytes() const {
  uint64_t sum = 0;
  for (auto& file : files_)
    sum += file.placed ? file.what.size_bytes : 0;
  return sum;
}

size_t get_job::placed_count() const {
  return static_cast<size_t>(
      std::count_if(files_.begin(), files_.end(), [](auto& file) { return file.placed; }));
}

outcome<void> get_job::finish() {
  // Parts of files that are not wanted may be in pieces that are: libtorrent counts on them.
  if (state_.load("resume", limits::metainfo_bytes_max).empty())
    state_.remove_parts();
  state_.remove("http");
  if (!cache_)
    return {};
  std::vector<std::string> refs;
  auto& said = source_.ref.empty() ? source_.what->rev : source_.ref;
  if (said != names_->commit)
    refs.push_back(said);
  if (source_.asked_latest && said != "main")
    refs.push_back("main"); // What those who name no revision ask for.
  for (auto& ref : refs)
    if (auto written = cache_->write_ref(ref, names_->commit); !written)
      return local_trouble(written.error());
  return {};
}

fs::path get_job::result_folder() const {
  return cache_ ? cache_->snapshot(names_->commit) : root_;
}

outcome<void> conclude(const context& ctx, get_job& job, download_view& view) {
  if (auto finished = job.finish(); !finished)
    return finished;
  view.event({{"event", "done"},
              {"folder", job.result_folder().string()},
              {"files", job.files().size()},
              {"bytes", job.total_bytes()}});
  if (!ctx.json)
    fmt::print("{}: {} in {} file{} in {}\n", safe_text(job.source().title),
               human_size(job.total_bytes()), job.files().size(),
               job.files().size() == 1 ? "" : "s", job.result_folder().string());
  std::fflush(stdout);
  return {};
}

} // namespace shoal::cli
