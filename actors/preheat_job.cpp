// SPDX-License-Identifier: Apache-2.0
#include "actors/preheat_job.hpp"

#include "core/limits.hpp"
#include "protocol/selection.hpp"

#include <algorithm>
#include <array>

namespace shoal {

namespace {

constexpr unsigned failures_max = 5;

/// Longer than a failure is remembered by the web seed.
constexpr std::chrono::seconds retry_pause{3};

/// A disk that is full, or an answer that will be the same.
bool is_final(ec code) {
  return is_client_error(code) && code != ec::busy;
}

/// Somebody may make room.
constexpr std::chrono::seconds room_pause{10};

} // namespace

std::string_view name(preheat_state state) {
  constexpr std::array<std::string_view, static_cast<size_t>(preheat_state::sentinel_)> names{
      "listing", "pulling", "registering", "done", "failed", "cancelled"};
  return names[static_cast<size_t>(state)];
}

preheat_job::preheat_job(uint64_t id, begin_preheat what, unix_seconds now) {
  status_.id = id;
  status_.version = 1;
  status_.what = std::move(what);
  status_.began_at = now;
}

preheat_status preheat_job::status() const {
  auto made = status_;
  for (auto& [file, done_bytes] : under_way_) {
    made.under_way.push_back({files_[file].path, files_[file].size_bytes, done_bytes});
    made.bytes_done += done_bytes;
  }
  return made;
}

origin_name preheat_job::commit() const {
  auto made = status_.what.name;
  made.rev = status_.commit;
  return made;
}

bool preheat_job::is_for(const begin_preheat& other) const {
  return status_.what.name == other.name && status_.what.include == other.include;
}

// -- files -------------------------------------------------------------------------------------

result<void> preheat_job::list(std::string commit, const std::vector<hub_file>& all) {
  status_.commit = std::move(commit);
  const selection wanted{status_.what.include, {}};
  std::copy_if(all.begin(), all.end(), std::back_inserter(files_),
               [&](auto& file) { return wanted.wants(file.path); });
  if (files_.empty())
    return shoal::fail(ec::not_found, "no file of the revision is wanted");
  status_.files = files_.size();
  for (auto& file : files_)
    status_.bytes += file.size_bytes;
  ++status_.version;
  return {};
}

uint64_t preheat_job::begin(const std::vector<bool>& here) {
  uint64_t missing_bytes = 0;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!here[i]) {
      missing_bytes += files_[i].size_bytes;
      waiting_[i] = {};
      continue;
    }
    ++status_.files_done;
    status_.bytes_done += files_[i].size_bytes;
  }
  become(preheat_state::pulling, 0);
  return missing_bytes;
}

std::optional<size_t> preheat_job::next(mono_time now) {
  if (!is_pulling() || under_way_.size() >= limits::preheat_files_at_once_max)
    return std::nullopt;
  auto due = std::find_if(waiting_.begin(), waiting_.end(),
                          [&](auto& x) { return x.second.not_before <= now; });
  if (due == waiting_.end())
    return std::nullopt;
  auto file = due->first;
  tried_[file] = due->second;
  under_way_[file] = 0;
  waiting_.erase(due);
  ++status_.version;
  return file;
}

void preheat_job::moved(size_t file, uint64_t done_bytes) {
  under_way_.at(file) = done_bytes;
  status_.waits_for.reset();
  ++status_.version;
}

void preheat_job::arrived(size_t file) {
  under_way_.erase(file);
  tried_.erase(file);
  status_.waits_for.reset();
  ++status_.files_done;
  status_.bytes_done += files_[file].size_bytes;
  ++status_.version;
}

void preheat_job::failed(size_t file, const error& why, mono_time now) {
  under_way_.erase(file);
  auto last = tried_.extract(file).mapped();
  ++status_.version;
  if (why.code == ec::storage_full) {
    status_.waits_for = why;
    last.not_before = now + room_pause;
    waiting_[file] = last;
    return;
  }
  if (why.code != ec::busy)
    ++last.failures;
  if (!is_final(why.code) && last.failures < failures_max) {
    last.not_before = now + retry_pause;
    waiting_[file] = last;
  } else if (!status_.failed) {
    status_.failed = error{why.code, files_[file].path + ": " + to_string(why)};
  }
}

// -- the end -----------------------------------------------------------------------------------

void preheat_job::become(preheat_state state, unix_seconds now) {
  status_.state = state;
  status_.ended_at = shoal::is_over(state) ? now : 0;
  ++status_.version;
}

bool preheat_job::end_pulls(unix_seconds now) {
  become(status_.failed ? preheat_state::failed : preheat_state::registering, now);
  return !is_over();
}

void preheat_job::registered(mirror_outcome how, unix_seconds now) {
  if (is_over())
    return;
  status_.becomes = how;
  become(preheat_state::done, now);
}

void preheat_job::fail(error why, unix_seconds now) {
  if (is_over())
    return;
  status_.failed = std::move(why);
  waiting_.clear();
  under_way_.clear();
  tried_.clear();
  become(preheat_state::failed, now);
}

void preheat_job::cancel(unix_seconds now) {
  if (is_over())
    return;
  waiting_.clear();
  under_way_.clear();
  tried_.clear();
  become(preheat_state::cancelled, now);
}

} // namespace shoal
