// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/run.hpp"

#include "cmd/load/hostile.hpp"
#include "cmd/load/worker.hpp"

#include <thread>
#include <unistd.h>

namespace shoal::load {

namespace {

std::atomic<load_context*> running{nullptr};

using workers = std::vector<std::unique_ptr<worker>>;

workers make_workers(load_context& context) {
  constexpr decltype(&make_udp_worker) makers[]
      = {make_udp_worker, make_http_worker, make_ws_worker};
  workers all;
  auto count = context.options.threads;
  for (unsigned i = 0; i < count; ++i)
    all.push_back(makers[static_cast<size_t>(context.options.over)](context, {i, count}));
  return all;
}

std::unique_ptr<tally> sum(const workers& all) {
  auto total = std::make_unique<tally>();
  for (auto& w : all)
    total->merge(w->seen());
  return total;
}

/// One phase on all threads. @returns seconds until the last answer.
double run_phase(const workers& all, load_context& context, request_plan::phase phase) {
  auto& o = context.options;
  auto begin = mono_now();
  auto measured = phase == request_plan::phase::measured;
  auto end = measured ? std::optional{begin + o.duration} : std::nullopt;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < all.size(); ++i) {
    all[i]->forget();
    threads.emplace_back([&, i] {
      auto requests = measured && o.requests > 0
                          ? std::max<uint64_t>(1, (o.requests + o.threads - 1 - i) / o.threads)
                          : 0;
      request_plan plan{o, context.all, phase, o.seed * 1000 + i};
      pacer pace{begin, end, static_cast<double>(o.rate) / o.threads, requests};
      all[i]->run(plan, pace);
    });
  }
  for (auto& t : threads)
    t.join();
  auto last = sum(all)->last_answer;
  return std::chrono::duration<double>((last > begin ? last : mono_now()) - begin).count();
}

process_usage difference(process_usage after, const process_usage& before) {
  after.user_s -= before.user_s;
  after.system_s -= before.system_s;
  return after;
}

void measure(const workers& all, load_context& context, report& done) {
  auto server = usage_of(done.options.server_pid);
  auto own = usage_of(::getpid()).value_or(process_usage{});
  auto machine = machine_busy_s();
  std::atomic<bool> stop{false};
  std::thread hostile;
  if (done.options.hostile_percent > 0)
    hostile = std::thread{[&] { done.hostile_sent = hostile_client{context}.run(stop); }};
  done.seconds = run_phase(all, context, request_plan::phase::measured);
  done.machine_cpu_s = machine_busy_s() - machine;
  done.generator = difference(usage_of(::getpid()).value_or(own), own);
  if (auto after = usage_of(done.options.server_pid); after && server)
    done.server = difference(*after, *server);
  stop = true;
  if (hostile.joinable())
    hostile.join();
  done.seen = sum(all);
}

} // namespace

result<report> run_load(const load_options& options) {
  population all_peers{options.seed, options.swarms, options.peers, options.seeds_percent};
  load_context context{options, all_peers};
  running = &context;
  report done;
  done.options = options;
  if (auto server = usage_of(options.server_pid))
    done.server_resident_before = server->resident_bytes;
  auto all = make_workers(context);
  for (auto& w : all)
    if (auto opened = w->open(); !opened)
      return tl::unexpected{opened.error()};
  if (options.prefill) {
    done.prefill_seconds = run_phase(all, context, request_plan::phase::prefill);
    done.prefill = sum(all);
  }
  if (options.prefill_only) {
    done.seen = std::make_unique<tally>();
    done.server = usage_of(options.server_pid);
  } else {
    measure(all, context, done);
  }
  running = nullptr;
  return done;
}

void cancel_load() {
  if (auto* context = running.load())
    context->cancelled = true;
}

int exit_code_of(const report& done) {
  auto& seen = done.options.prefill_only || done.options.idle ? *done.prefill : *done.seen;
  if (seen.bytes_received == 0)
    return 2;
  auto lost = static_cast<double>(seen.of(trouble::timeout))
              / static_cast<double>(std::max<uint64_t>(1, seen.sent_total()));
  return seen.wrong_total() > 0 || lost * 100 > done.options.max_loss_percent ? 1 : 0;
}

} // namespace shoal::load
