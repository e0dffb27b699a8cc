// SPDX-License-Identifier: Apache-2.0
// The way over plain HTTP: parallel ranges from all servers into the same hidden files.
#include "cmd/cli/get_job.hpp"
#include "cmd/cli/interrupt.hpp"
#include "cmd/cli/output.hpp"
#include "cmd/get/chunk_list.hpp"
#include "cmd/get/placing.hpp"
#include "core/limits.hpp"
#include "persistence/posix_file.hpp"
#include "protocol/byte_range.hpp"
#include "protocol/percent.hpp"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace shoal::cli {

namespace {

using clock = std::chrono::steady_clock;

constexpr size_t workers = 4;
constexpr size_t bars_max = 6;
constexpr int retries = 4;
constexpr auto look_period = std::chrono::milliseconds(100);

std::string url_path(const get_source& source, const std::string& file) {
  return "/webseed/" + percent_encode_path(source.what->id.str()) + "/"
         + percent_encode(source.what->rev) + "/" + percent_encode_path(file);
}

/// A range of a file that is not here yet.
struct piece_of_work {
  wanted_file* file = nullptr;
  get::chunk range;
};

/// Whether an answer is exactly the range that was asked for.
bool is_range(const http_response& answer, const get::chunk& range, uint64_t size_bytes) {
  const bool is_whole = range.first == 0 && range.end == size_bytes;
  if (answer.status == 206)
    return answer.header("content-range")
           == content_range({range.first, range.end - 1}, size_bytes);
  return answer.status == 200 && is_whole
         && answer.header("content-length") == std::to_string(size_bytes);
}

class http_run {
public:
  http_run(const context& ctx, const get_options& options, get_job& job, download_view& view)
      : ctx_(ctx), options_(options), job_(job), view_(view) {}

  outcome<void> run();

private:
  void plan();
  void plan_file(wanted_file& file, const std::vector<get::chunk>& held);
  void work(size_t number);
  std::optional<piece_of_work> next();
  outcome<void> fetch(http_client& client, const piece_of_work& work);
  outcome<void> try_fetch(http_client& client, int fd, const piece_of_work& work);
  outcome<void> finish_chunk(const piece_of_work& work);
  outcome<void> finish_file(wanted_file& file);
  void show();

  const context& ctx_;
  const get_options& options_;
  get_job& job_;
  download_view& view_;
  std::mutex mutex_; ///< Of all below.
  std::deque<piece_of_work> queue_;
  std::map<wanted_file*, uint64_t> missing_; ///< Bytes not yet here of files under way.
  std::atomic<uint64_t> received_{0};
  std::atomic<bool> stop_{false}; ///< Interrupted, or one has failed.
  std::optional<failure> failure_;
  size_t busy_ = 0; ///< Workers that are at work.
  uint64_t rate_ = 0;
  uint64_t rate_mark_ = 0;
  clock::time_point rate_at_ = clock::now();
};

/// What the other way has left is taken over, once: its pieces are whole and verified.
void http_run::plan() {
  auto& state = job_.state();
  auto text = state.load("http", limits::metainfo_bytes_max);
  if (const auto resume = state.load("resume", limits::metainfo_bytes_max); !resume.empty()) {
    std::map<int, size_t> number_of;
    for (auto& file : job_.files())
      number_of[file.what.torrent_index] = file.number;
    for (auto& held : get::held_ranges(*job_.source().torrent, resume))
      if (auto number = number_of.find(held.file); number != number_of.end())
        text += get::chunk_line({number->second, {held.first, held.end}});
    if (state.save("http", text))
      state.remove("resume");
  }
  const auto notes = get::read_chunks(text);
  for (auto& file : job_.files()) {
    if (file.placed)
      continue;
    const auto held = notes.find(file.number);
    const bool is_there = get::look_at(file.part, "").has_value();
    plan_file(file, held == notes.end() || !is_there ? std::vector<get::chunk>{} : held->second);
  }
}

void http_run::plan_file(wanted_file& file, const std::vector<get::chunk>& held) {
  missing_[&file] = 0;
  for (auto& range : get::missing_chunks(file.what.size_bytes, held)) {
    queue_.push_back({&file, range});
    missing_[&file] += range.end - range.first;
  }
  if (missing_[&file] == 0) // All here, and not yet verified when the process ended.
    queue_.push_back({&file, {0, 0}});
}

std::optional<piece_of_work> http_run::next() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty() || stop_ || interrupted())
    return std::nullopt;
  auto work = queue_.front();
  queue_.pop_front();
  ++busy_;
  return work;
}

void http_run::work(size_t number) {
  auto client = ctx_.client();
  client.send_key_always();
  client.start_with(number);
  client.stop_when(interrupted());
  while (true) {
    auto work = next();
    if (!work) {
      const std::lock_guard lock(mutex_);
      // Another worker's file may turn out bad, and be queued again.
      if (busy_ == 0 || stop_ || interrupted())
        return;
    } else {
      auto done = fetch(client, *work);
      const std::lock_guard lock(mutex_);
      --busy_;
      if (!done && !failure_)
        failure_ = done.error();
      stop_ = stop_ || !done;
      continue;
    }
    std::this_thread::sleep_for(look_period);
  }
}

/// Asks one server after the other.
outcome<void> http_run::fetch(http_client& client, const piece_of_work& work) {
  if (work.range.first == work.range.end)
    return finish_file(*work.file);
  auto part = open_file(work.file->part, O_WRONLY | O_CREAT);
  if (!part)
    return local_trouble(part.error());
  outcome<void> done;
  for (int attempt = 0; attempt <= retries; ++attempt) {
    done = try_fetch(client, part->get(), work);
    if (interrupted())
      return interruption();
    if (done)
      return finish_chunk(work);
    if (done.error().code == exit_code::local_trouble)
      break;
    client.start_with(client.turn() + 1);
    if (attempt % 2 == 1) // One round is over, or nearly.
      client.wait(done.error(), 1 << (attempt / 2));
  }
  return done;
}

outcome<void> http_run::try_fetch(http_client& client, int fd, const piece_of_work& work) {
  http_request request;
  request.path = url_path(job_.source(), work.file->what.path);
  request.headers = {fmt::format("Range: bytes={}-{}", work.range.first, work.range.end - 1)};
  request.accepts = [&](const http_response& answer) {
    return is_range(answer, work.range, work.file->what.size_bytes);
  };
  request.bytes_per_second_max
      = static_cast<uint64_t>(options_.session.download_bytes_per_second) / workers;
  uint64_t at = work.range.first;
  int disk_error = 0;
  request.sink = [&](std::string_view bytes) {
    if (at + bytes.size() > work.range.end)
      return false;
    for (size_t done = 0; done < bytes.size();) {
      const auto count
          = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0) {
        disk_error = errno;
        return false;
      }
      done += static_cast<size_t>(count);
    }
    at += bytes.size();
    received_ += bytes.size();
    return true;
  };
  auto answer = client.send_ok(request);
  if (disk_error != 0)
    return local_trouble(errno_error(disk_error, "cannot write", work.file->part));
  if (!answer) {
    received_ -= at - work.range.first;
    return tl::unexpected<failure>(answer.error());
  }
  if (at != work.range.end)
    return refuse(exit_code::refused, answer->url + " sends less than it says");
  return {};
}

outcome<void> http_run::finish_chunk(const piece_of_work& work) {
  bool is_last = false;
  {
    const std::lock_guard lock(mutex_);
    if (auto noted = job_.state().append("http", get::chunk_line({work.file->number, work.range}));
        !noted)
      return local_trouble(noted.error());
    missing_[work.file] -= work.range.end - work.range.first;
    is_last = missing_[work.file] == 0;
  }
  return is_last ? finish_file(*work.file) : outcome<void>{};
}

outcome<void> http_run::finish_file(wanted_file& file) {
  auto right = get_job::is_right(file);
  if (!right)
    return tl::unexpected<failure>(right.error());
  if (!*right) {
    if (std::exchange(file.was_bad, true))
      return refuse(exit_code::refused, "the servers have other bytes than the manifest for "
                                            + safe_text(file.what.path));
    const std::lock_guard lock(mutex_);
    plan_file(file, {}); // From the start, and perhaps from others.
    return {};
  }
  if (auto moved = get::move_into_place(file.part, file.place); !moved)
    return local_trouble(moved.error());
  const std::lock_guard lock(mutex_);
  missing_.erase(&file);
  return job_.note_placed(file, view_);
}

void http_run::show() {
  const auto now = clock::now();
  if (const auto since = std::chrono::duration<double>(now - rate_at_).count(); since >= 1) {
    rate_ = static_cast<uint64_t>(
        static_cast<double>(received_ - std::min<uint64_t>(received_, rate_mark_)) / since);
    rate_mark_ = received_;
    rate_at_ = now;
  }
  if (!view_.is_due())
    return;
  download_progress progress{"downloading",
                             job_.placed_bytes(),
                             job_.total_bytes(),
                             rate_,
                             job_.placed_count(),
                             job_.files().size(),
                             0,
                             0,
                             {}};
  for (auto& [file, missing] : missing_) {
    const auto done = file->what.size_bytes - std::min(missing, file->what.size_bytes);
    progress.done_bytes += done;
    if (done > 0 && progress.active.size() < bars_max)
      progress.active.push_back({file->what.path, done, file->what.size_bytes});
  }
  view_.update(progress);
}

outcome<void> http_run::run() {
  plan();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < workers; ++i)
    threads.emplace_back([this, i] { work(i); });
  for (bool is_over = false; !is_over;) {
    {
      const std::lock_guard lock(mutex_);
      is_over = (queue_.empty() && busy_ == 0) || stop_ || interrupted();
      show();
    }
    std::this_thread::sleep_for(look_period);
  }
  for (auto& thread : threads)
    thread.join();
  if (interrupted())
    return interruption();
  if (failure_)
    return tl::unexpected<failure>(*failure_);
  view_.event({{"event", "received"}, {"bytes", received_.load()}});
  return {};
}

} // namespace

outcome<void> fetch_over_http(const context& ctx, const get_options& options, get_job& job,
                              download_view& view) {
  return http_run(ctx, options, job, view).run();
}

bool can_fetch_over_http(const context& ctx, get_job& job) {
  auto client = ctx.client();
  client.send_key_always();
  client.stop_when(interrupted());
  for (auto& file : job.files()) {
    if (file.placed)
      continue;
    http_request request;
    request.method = "HEAD";
    request.path = url_path(job.source(), file.what.path);
    request.busy_retries = 0;
    return client.send_ok(request).has_value();
  }
  return false;
}

} // namespace shoal::cli
