// SPDX-License-Identifier: Apache-2.0
#include "http/object_puller.hpp"

#include "core/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>

namespace shoal::http {

namespace {

constexpr std::chrono::milliseconds sweep_period{500};

using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

} // namespace

object_puller::meters::meters(metrics::registry& registry)
    : bytes{registry.add_counter("shoal_object_copied_bytes_total",
                                 "Bytes of objects fetched from other nodes to be kept here")},
      objects{registry.add_counter("shoal_objects_copied_total",
                                   "Objects fetched from other nodes to be kept here")},
      failures{registry.add_counter("shoal_object_copy_failures_total",
                                    "Objects that could not be fetched to be kept here")} {}

object_puller::object_puller(const bulk_side& bulk, object_store& objects, object_pulls& pulls,
                             uint64_t bytes_per_second, metrics::registry& registry)
    : bulk_{bulk}, objects_{objects}, pulls_{pulls},
      bytes_per_second_{bytes_per_second}, meters_{registry} {}

object_puller::~object_puller() {
  stop();
}

void object_puller::start() {
  work_.emplace(io_.get_executor());
  asio::co_spawn(io_.get_executor(), sweep(), asio::detached);
  thread_ = std::thread{[this] { io_.run(); }};
  pulls_.serve([this](object_pull what, object_pulls::callback then) {
    take(std::move(what), std::move(then));
  });
}

/// On the thread of whoever asks. Who wants an object that comes already waits for that; but who is
/// in a hurry does not wait for what comes slowly.
void object_puller::take(object_pull what, object_pulls::callback then) {
  std::lock_guard guard{mutex_};
  for (auto& other : jobs_)
    if (other->what.object == what.object && (other->what.urgent || !what.urgent))
      return other->then.push_back(std::move(then));
  auto j = std::make_shared<job>();
  j->what = std::move(what);
  j->then.push_back(std::move(then));
  jobs_.insert(j);
  asio::post(io_, [this, j] { asio::co_spawn(io_.get_executor(), run(j), asio::detached); });
}

void object_puller::stop() {
  if (!thread_.joinable())
    return;
  pulls_.serve({});
  work_.reset();
  io_.stop();
  thread_.join();
  for (auto& j : std::exchange(jobs_, {}))
    for (auto& then : j->then)
      then(fail(ec::unavailable, "this node ends"));
}

task<> object_puller::run(job_ptr j) {
  auto fetched = co_await fetch(j->what);
  if (fetched)
    meters_.objects.add();
  else
    meters_.failures.add();
  std::vector<object_pulls::callback> all;
  {
    std::lock_guard guard{mutex_};
    jobs_.erase(j);
    all.swap(j->then);
  }
  for (auto& then : all)
    then(fetched);
}

task<result<void>> object_puller::fetch(const object_pull& what) {
  error why{ec::not_found, "no node has the object"};
  std::optional<object_files::upload> incoming;
  uint64_t size_bytes = 0;
  for (auto& place : what.places) {
    if (!incoming || size_bytes != place.size_bytes) {
      size_bytes = place.size_bytes;
      auto begun = objects_.begin(size_bytes);
      if (!begun)
        co_return tl::unexpected{begun.error()};
      incoming.emplace(std::move(*begun));
    }
    auto filled = co_await fill(*incoming, what, place);
    if (filled) {
      auto stored = incoming->finish(what.object);
      incoming.reset();
      if (stored)
        co_return result<void>{};
      filled = tl::unexpected{stored.error()};
    }
    why = filled.error();
    log::warn("bulk", "cannot copy object={} node={} error=\"{}\"", what.object.brief(), place.node,
              to_string(why));
  }
  co_return tl::unexpected{why};
}

/// Goes on where `to` ends.
task<result<void>> object_puller::fill(object_files::upload& to, const object_pull& what,
                                       const object_place& from) {
  object_part part{what.object, from.size_bytes, to.size(), from.size_bytes - to.size()};
  if (part.length == 0)
    co_return result<void>{};
  object_source source{io_, sources_, from};
  auto ready = co_await source.connect(bulk_.context());
  if (!ready)
    co_return ready;
  ready = co_await source.ask(part);
  if (!ready)
    co_return ready;
  std::unique_ptr<char[]> buffer{new char[limits::object_relay_buffer_bytes]};
  std::span<char> room{buffer.get(), limits::object_relay_buffer_bytes};
  while (to.size() < from.size_bytes) {
    auto n = co_await source.read_some(room);
    if (!n)
      co_return tl::unexpected{n.error()};
    auto added = to.append(as_bytes(std::string_view{room.data(), *n}));
    if (!added)
      co_return added;
    meters_.bytes.add(*n);
    if (!what.urgent && bytes_per_second_ > 0)
      co_await throttle(*n);
  }
  co_return result<void>{};
}

/// All that is not urgent shares the rate.
task<> object_puller::throttle(uint64_t bytes) {
  auto now = mono_now();
  auto cost = std::chrono::duration<double>(double(bytes) / double(bytes_per_second_));
  free_at_ = std::max(free_at_, now) + std::chrono::duration_cast<mono_time::duration>(cost);
  if (free_at_ <= now)
    co_return;
  timer pause{io_.get_executor(), free_at_ - now};
  boost::system::error_code ignored;
  co_await pause.async_wait(asio::redirect_error(use_task, ignored));
}

task<> object_puller::sweep() {
  timer pause{io_.get_executor()};
  for (;;) {
    pause.expires_after(sweep_period);
    boost::system::error_code ignored;
    co_await pause.async_wait(asio::redirect_error(use_task, ignored));
    auto now = mono_now();
    for (auto* source : sources_)
      if (source->overdue(now))
        source->cut();
  }
}

} // namespace shoal::http
