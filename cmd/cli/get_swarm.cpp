// SPDX-License-Identifier: Apache-2.0
// The way over BitTorrent: libtorrent fetches into hidden files; what is complete is compared with
// the manifest and gets its name, while the rest goes on.
#include "cmd/cli/get_job.hpp"
#include "cmd/cli/interrupt.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/get/placing.hpp"
#include "core/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <set>
#include <system_error>
#include <thread>

namespace shoal::cli {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto step = std::chrono::milliseconds(100);
constexpr auto step_of_verifying = std::chrono::milliseconds(20); ///< Nobody tells of its end.
constexpr auto resume_period = std::chrono::seconds(5);
constexpr auto farewell_time = std::chrono::seconds(3);
constexpr auto http_after = std::chrono::seconds(20); ///< Without a byte from the swarm.
constexpr auto http_soon = std::chrono::seconds(3);   ///< The same, where there is no web seed,
constexpr auto http_at_once
    = std::chrono::milliseconds(500); ///< or little is left of theirs: the same servers go on.
constexpr uint64_t servers_end_bytes_max = 64 << 20;
constexpr auto pardon_after = std::chrono::seconds(10); ///< Without a byte, after wrong ones.
constexpr int pardons_max = 5;
constexpr size_t bars_max = 6;
constexpr size_t verifiers_max = 4;
constexpr uint64_t hashed_again_bytes_max = uint64_t{8} << 30;

enum class ending {
  complete,
  over_http, ///< Nothing comes, but a server has the files.
  anew,      ///< Nothing comes, and libtorrent may have banned the wrong one.
};

/// Whether a file is what the manifest says, or why nobody knows.
struct verdict {
  wanted_file* file = nullptr;
  outcome<bool> is_right;
};

/// Hashes a file, and gets a good one ready to be moved.
verdict judge(wanted_file* file) {
  auto right = get_job::is_right(*file);
  if (right && *right)
    if (auto ready = get::prepare_move(file->part, file->place); !ready)
      right = local_trouble(ready.error());
  return {file, std::move(right)};
}

/// Peers send pieces of all files, so that many of them are complete at the same time, at the end:
/// then there is nothing else to do for all processors.
std::vector<verdict> verify(const std::vector<wanted_file*>& files) {
  std::vector<verdict> verdicts(files.size());
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++)
      verdicts[i] = judge(files[i]);
  };
  const size_t processors = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::jthread> helpers;
  try {
    for (size_t i = 1; i < std::min({files.size(), processors, verifiers_max}); ++i)
      helpers.emplace_back(work);
  } catch (const std::system_error&) { // No more threads here: those that there are do.
  }
  work();
  helpers.clear(); // Joins them.
  return verdicts;
}

class swarm_run {
public:
  swarm_run(const context& ctx, const get_options& options, get_job& job, download_view& view)
      : ctx_(ctx), options_(options), job_(job), view_(view), session_(options.session) {}

  outcome<void> begin();
  outcome<ending> fetch(bool may_pardon);
  outcome<void> seed();

private:
  outcome<void> step_once();
  outcome<void> take(const get::session_events& events);
  outcome<void> take_verdicts();
  outcome<void> take_moved(int index);
  void find_complete();
  void save_resume_now_and_then();
  bool waits_for_servers_end() const;
  outcome<std::optional<ending>> look_for_stall(bool may_pardon);
  void farewell();
  bool claims_too_much(const std::string& resume) const;
  std::string usable_resume();
  void show(const char* doing);
  uint64_t done_bytes() const;

  const context& ctx_;
  const get_options& options_;
  get_job& job_;
  download_view& view_;
  get::torrent_session session_;
  get::session_sight sight_;
  std::map<int, wanted_file*> by_index_;
  std::set<wanted_file*> complete_;    ///< Fetched, not yet verified.
  std::vector<wanted_file*> flushing_; ///< The same, being written out.
  std::future<std::vector<verdict>> verifying_;
  std::set<int> moving_;
  clock::time_point resume_asked_ = clock::now();
  clock::time_point progressed_ = clock::now();
  clock::time_point http_tried_ = clock::now();
  uint64_t progress_mark_ = 0;
  std::string trouble_;
};

/// Whether files are gone that the notes say something of: the user may remove what he likes.
bool swarm_run::claims_too_much(const std::string& resume) const {
  std::set<int> held;
  for (auto& range : get::held_ranges(*job_.source().torrent, resume))
    held.insert(range.file);
  auto is_gone = [](const std::filesystem::path& file) { return !get::look_at(file, ""); };
  for (size_t i = 0; i < job_.source().files.size(); ++i) {
    auto& file = job_.source().files[i];
    const bool is_wanted = by_index_.contains(file.torrent_index);
    if ((is_wanted || job_.state().placed().contains(file.path))
        && held.contains(file.torrent_index) && is_gone(job_.whereabouts(file, i)))
      return true;
  }
  return false;
}

/// What libtorrent may believe. A process that was killed has got more than it had noted last: few
/// bytes are soon hashed again, of many those of the last seconds are fetched again.
std::string swarm_run::usable_resume() {
  auto& state = job_.state();
  auto resume = state.load("resume", limits::metainfo_bytes_max);
  uint64_t bytes = 0;
  for (auto& file : job_.files())
    bytes += file.what.size_bytes;
  const bool was_killed = state.load("clean", 16).empty();
  // Bytes that came over HTTP are in the parts, and libtorrent must look for them.
  const bool knows_less = !state.load("http", limits::metainfo_bytes_max).empty();
  state.remove("clean");
  state.remove("http");
  return knows_less || claims_too_much(resume) || (was_killed && bytes <= hashed_again_bytes_max)
             ? std::string{}
             : resume;
}

outcome<void> swarm_run::begin() {
  auto& source = job_.source();
  std::vector<get::file_place> places;
  for (size_t i = 0; i < source.files.size(); ++i) {
    const auto index = static_cast<size_t>(source.files[i].torrent_index);
    places.resize(std::max(places.size(), index + 1));
    places[index].path = job_.whereabouts(source.files[i], i);
  }
  for (auto& file : job_.files()) {
    by_index_[file.what.torrent_index] = &file;
    // What is in its place is served, and never written to.
    places[static_cast<size_t>(file.what.torrent_index)].wanted = !file.placed;
  }
  auto resume = usable_resume();
  auto added = session_.add(*source.torrent, source.links, places,
                            (job_.state().path() / "parts").string(), resume);
  if (!added)
    return local_trouble(added.error());
  sight_ = session_.look();
  return {};
}

outcome<ending> swarm_run::fetch(bool may_pardon) {
  while (!job_.is_complete()) {
    if (interrupted()) {
      farewell();
      return interruption();
    }
    if (auto ok = step_once(); !ok) {
      farewell();
      return tl::unexpected<failure>(ok.error());
    }
    show(sight_.checking ? "checking" : "downloading");
    auto stalled = look_for_stall(may_pardon);
    if (!stalled || *stalled) {
      farewell();
      return stalled ? outcome<ending>(**stalled) : tl::unexpected<failure>(stalled.error());
    }
  }
  view_.event({{"event", "received"},
               {"bytes", sight_.received_bytes},
               {"from_web_seeds_bytes", sight_.from_web_seeds_bytes},
               {"wasted_bytes", sight_.wasted_bytes}});
  if (!options_.seeds)
    farewell();
  return ending::complete;
}

outcome<void> swarm_run::seed() {
  while (!interrupted()) {
    if (auto ok = step_once(); !ok) {
      farewell();
      return ok;
    }
    show("seeding");
  }
  farewell();
  return {};
}

outcome<void> swarm_run::step_once() {
  if (auto ok = take(session_.wait(verifying_.valid() ? step_of_verifying : step)); !ok)
    return ok;
  if (view_.is_due() || !job_.is_complete())
    sight_ = session_.look();
  find_complete();
  if (auto ok = take_verdicts(); !ok)
    return ok;
  save_resume_now_and_then();
  return {};
}

outcome<void> swarm_run::take(const get::session_events& events) {
  if (events.resume)
    if (auto saved = job_.state().save("resume", *events.resume); !saved)
      return local_trouble(saved.error());
  if (!events.disk_trouble.empty())
    return refuse(exit_code::local_trouble, events.disk_trouble);
  if (!events.trouble.empty())
    trouble_ = events.trouble;
  if (events.flushed && !flushing_.empty() && !verifying_.valid()) {
    verifying_ = std::async(std::launch::async, verify, std::move(flushing_));
    flushing_.clear();
  }
  for (auto index : events.moved)
    if (auto ok = take_moved(index); !ok)
      return ok;
  for (auto& [index, why] : events.not_moved)
    if (moving_.contains(index))
      return refuse(exit_code::local_trouble,
                    "cannot write " + by_index_[index]->place.string() + ": " + why);
  return {};
}

/// What is complete is written out first: the hash is taken from the file.
void swarm_run::find_complete() {
  if (sight_.checking)
    return;
  for (auto& [index, file] : by_index_) {
    const auto at = static_cast<size_t>(index);
    const bool has_all
        = at < sight_.file_bytes.size() && sight_.file_bytes[at] == file->what.size_bytes;
    const bool is_known = file->placed || moving_.contains(index)
                          || std::find(flushing_.begin(), flushing_.end(), file) != flushing_.end();
    if (has_all && !is_known && !verifying_.valid())
      complete_.insert(file);
  }
  if (complete_.empty() || !flushing_.empty() || verifying_.valid())
    return;
  flushing_.assign(complete_.begin(), complete_.end());
  complete_.clear();
  session_.flush();
}

outcome<void> swarm_run::take_verdicts() {
  if (!verifying_.valid()
      || verifying_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return {};
  for (auto& [file, right] : verifying_.get()) {
    if (!right)
      return tl::unexpected<failure>(right.error());
    if (*right) {
      moving_.insert(file->what.torrent_index);
      session_.move_file(file->what.torrent_index, file->place.string());
    } else if (!std::exchange(file->was_bad, true)) {
      // What an earlier run has left may have suffered; a second look finds that.
      session_.recheck();
      sight_.checking = true;
    } else {
      return refuse(exit_code::refused, "the torrent has other bytes than the manifest for "
                                            + safe_text(file->what.path));
    }
  }
  return {};
}

outcome<void> swarm_run::take_moved(int index) {
  if (moving_.erase(index) == 0)
    return {};
  return job_.note_placed(*by_index_[index], view_);
}

void swarm_run::save_resume_now_and_then() {
  if (clock::now() - resume_asked_ < resume_period || job_.is_complete())
    return;
  resume_asked_ = clock::now();
  session_.ask_resume();
}

/// @returns how to go on otherwise, if nothing comes. Where a piece came from two and was wrong,
/// libtorrent suspects both, and may ban the one that has all: a new session has forgotten that.
/// libtorrent 2.0.8 may wait a quarter of a minute for the last blocks of a web seed that sends
/// many small files. Where nobody else is there, the same servers give them over plain HTTP.
bool swarm_run::waits_for_servers_end() const {
  uint64_t wanted_bytes = 0;
  for (auto& [index, file] : by_index_)
    wanted_bytes += file->what.size_bytes;
  return sight_.received_bytes > 0 && sight_.from_web_seeds_bytes >= sight_.received_bytes
         && sight_.bittorrent_peers == 0 && wanted_bytes - done_bytes() <= servers_end_bytes_max;
}

outcome<std::optional<ending>> swarm_run::look_for_stall(bool may_pardon) {
  const auto now = clock::now();
  const auto mark = sight_.received_bytes + done_bytes() + job_.placed_count();
  const bool is_busy = sight_.checking || verifying_.valid() || !moving_.empty();
  if (is_busy || mark != progress_mark_) {
    progress_mark_ = mark;
    progressed_ = http_tried_ = now;
    return std::nullopt;
  }
  if (may_pardon && sight_.wasted_bytes > 0 && now - progressed_ >= pardon_after)
    return ending::anew;
  const clock::duration patience = waits_for_servers_end()                 ? http_at_once
                                   : job_.source().links.web_seeds.empty() ? http_soon
                                                                           : http_after;
  if (job_.source().what && now - http_tried_ >= patience) {
    http_tried_ = now;
    if (can_fetch_over_http(ctx_, job_))
      return ending::over_http;
  }
  if (now - progressed_ >= std::chrono::seconds(options_.stall_timeout_s))
    return refuse(exit_code::unreachable,
                  fmt::format("nothing came for {} s{}{}", options_.stall_timeout_s,
                              trouble_.empty() ? "" : ": ", safe_text(trouble_)));
  return std::nullopt;
}

/// Leaves the swarm, so that the next run goes on from here.
void swarm_run::farewell() {
  if (verifying_.valid())
    verifying_.wait();
  session_.ask_resume();
  for (const auto until = clock::now() + farewell_time; clock::now() < until;) {
    const auto events = session_.wait(step);
    if (events.resume) {
      auto saved = job_.state().save("resume", *events.resume);
      if (saved)
        saved = job_.state().save("clean", "1\n");
      if (!saved)
        view_.note(to_string(saved.error()));
    }
    if (events.resume || events.resume_failed)
      break;
  }
  session_.stop();
}

uint64_t swarm_run::done_bytes() const {
  uint64_t sum = 0;
  for (auto& [index, file] : by_index_)
    sum += file->placed ? file->what.size_bytes
           : static_cast<size_t>(index) < sight_.file_bytes.size()
               ? sight_.file_bytes[static_cast<size_t>(index)]
               : 0;
  return sum;
}

void swarm_run::show(const char* doing) {
  if (!view_.is_due())
    return;
  download_progress progress{doing,
                             done_bytes(),
                             job_.total_bytes(),
                             sight_.bytes_per_second,
                             job_.placed_count(),
                             job_.files().size(),
                             sight_.peers,
                             sight_.sent_bytes,
                             {}};
  for (auto& [index, file] : by_index_) {
    const auto at = static_cast<size_t>(index);
    if (!file->placed && at < sight_.file_bytes.size() && sight_.file_bytes[at] > 0
        && progress.active.size() < bars_max)
      progress.active.push_back({file->what.path, sight_.file_bytes[at], file->what.size_bytes});
  }
  view_.update(progress);
}

} // namespace

outcome<bool> fetch_from_swarm(const context& ctx, const get_options& options, get_job& job,
                               download_view& view) {
  for (int pardons = 0;; ++pardons) {
    swarm_run run(ctx, options, job, view);
    if (auto ok = run.begin(); !ok)
      return tl::unexpected<failure>(ok.error());
    auto ended = run.fetch(pardons < pardons_max);
    if (!ended)
      return tl::unexpected<failure>(ended.error());
    if (*ended == ending::anew)
      continue;
    if (*ended == ending::over_http || !options.seeds)
      return *ended == ending::complete;
    if (auto finished = conclude(ctx, job, view); !finished)
      return tl::unexpected<failure>(finished.error());
    if (auto seeded = run.seed(); !seeded)
      return tl::unexpected<failure>(seeded.error());
    return true;
  }
}

outcome<void> keep_seeding(const context& ctx, const get_options& options, get_job& job,
                           download_view& view) {
  swarm_run run(ctx, options, job, view);
  if (auto ok = run.begin(); !ok)
    return ok;
  return run.seed();
}

} // namespace shoal::cli
