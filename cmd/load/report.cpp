// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/run.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace shoal::load {

namespace {

using json = nlohmann::ordered_json;

constexpr double percents[] = {50, 90, 99, 99.9, 99.99};
constexpr double mebi = 1024 * 1024;

double us(uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

double per(double amount, uint64_t count) {
  return amount / static_cast<double>(std::max<uint64_t>(1, count));
}

hdr_histogram& merged_latency(const tally& seen, std::unique_ptr<hdr_histogram>& owner) {
  owner = std::make_unique<hdr_histogram>();
  for (auto& one : seen.latency_ns)
    owner->merge(one);
  return *owner;
}

json latency_json(const hdr_histogram& all) {
  json out = {{"mean", all.mean() / 1e3}, {"min", us(all.min())}};
  for (auto percent : percents)
    out[fmt::format("p{:g}", percent)] = us(all.percentile(percent));
  out["max"] = us(all.max());
  return out;
}

json usage_json(const process_usage& used, uint64_t requests) {
  return {{"cpu_s", used.cpu_s()},
          {"user_s", used.user_s},
          {"system_s", used.system_s},
          {"cpu_us_per_request", per(used.cpu_s() * 1e6, requests)},
          {"resident_bytes", used.resident_bytes}};
}

json counts_json(const tally& seen, double seconds) {
  json kinds, troubles = json::object();
  for (size_t i = 0; i < request_kind_count; ++i)
    if (seen.sent[i] > 0)
      kinds[std::string{name(static_cast<request_kind>(i))}]
          = {{"sent", seen.sent[i]},
             {"answered", seen.answered[i]},
             {"latency_us", latency_json(seen.latency_ns[i])}};
  for (size_t i = 0; i < trouble_count; ++i)
    troubles[std::string{name(static_cast<trouble>(i))}] = seen.troubles[i];
  std::unique_ptr<hdr_histogram> owner;
  return {{"seconds", seconds},
          {"sent", seen.sent_total()},
          {"answered", seen.answered_total()},
          {"per_second", static_cast<double>(seen.answered_total()) / std::max(seconds, 1e-9)},
          {"wrong", seen.wrong_total()},
          {"errors", troubles},
          {"late", seen.late},
          {"latency_us", latency_json(merged_latency(seen, owner))},
          {"kinds", kinds},
          {"connections", seen.connections},
          {"bytes_sent", seen.bytes_sent},
          {"bytes_received", seen.bytes_received},
          {"peers_received", seen.peers_received},
          {"offers_received", seen.offers_received},
          {"answers_received", seen.answers_received}};
}

void print_json(const report& done) {
  constexpr const char* transports[] = {"udp", "http", "ws"};
  json out = {{"transport", transports[static_cast<size_t>(done.options.over)]}};
  for (auto& target : done.options.targets)
    out["targets"].push_back(target.str());
  if (done.prefill)
    out["prefill"] = counts_json(*done.prefill, done.prefill_seconds);
  out.update(counts_json(*done.seen, done.seconds));
  out["hostile_sent"] = done.hostile_sent;
  auto requests = done.seen->answered_total();
  out["generator"] = usage_json(done.generator, requests);
  out["machine_cpu_s"] = done.machine_cpu_s;
  if (done.server) {
    out["server"] = usage_json(*done.server, requests);
    out["server"]["resident_bytes_before"] = done.server_resident_before.value_or(0);
    // Neither the server nor this program: somebody who disturbs.
    out["foreign_cpu_s"]
        = std::max(0.0, done.machine_cpu_s - done.server->cpu_s() - done.generator.cpu_s());
  }
  fmt::print("{}\n", out.dump(2));
}

void print_counts(const char* label, const tally& seen, double seconds) {
  auto sent = seen.sent_total();
  auto lost = seen.of(trouble::timeout);
  fmt::print("{:<11}{} sent, {} answered in {:.2f} s: {:.0f} per second\n", label, sent,
             seen.answered_total(), seconds,
             static_cast<double>(seen.answered_total()) / std::max(seconds, 1e-9));
  fmt::print("{:<11}{} ({:.4f} %), {} came late\n", "lost", lost,
             per(100.0 * static_cast<double>(lost), sent), seen.late);
  std::string wrong;
  for (size_t i = 0; i < trouble_count; ++i)
    if (auto what = static_cast<trouble>(i); what != trouble::timeout && seen.troubles[i] > 0)
      wrong += fmt::format("{}{} {}", wrong.empty() ? "" : ", ", name(what), seen.troubles[i]);
  fmt::print("{:<11}{}\n", "wrong", wrong.empty() ? "none" : wrong);
}

void print_latency(std::string_view label, const hdr_histogram& all) {
  if (all.count() == 0)
    return;
  fmt::print("{:<11}{:>10}", label, all.count());
  for (auto percent : percents)
    fmt::print(" {:>10.1f}", us(all.percentile(percent)));
  fmt::print(" {:>10.1f}\n", us(all.max()));
}

void print_usage(const char* label, const process_usage& used, uint64_t requests) {
  fmt::print("{:<11}{:.2f} s of CPU (user {:.2f}, system {:.2f}), {:.2f} us per request, "
             "{:.1f} MiB resident\n",
             label, used.cpu_s(), used.user_s, used.system_s, per(used.cpu_s() * 1e6, requests),
             static_cast<double>(used.resident_bytes) / mebi);
}

void print_memory(const report& done) {
  if (!done.server)
    return;
  auto before = done.server_resident_before.value_or(0);
  auto grown = static_cast<double>(done.server->resident_bytes) - static_cast<double>(before);
  fmt::print("{:<11}{:.1f} MiB before, {:.1f} MiB now", "resident",
             static_cast<double>(before) / mebi,
             static_cast<double>(done.server->resident_bytes) / mebi);
  if (done.prefill)
    fmt::print(", {:.1f} bytes per peer", per(grown, done.prefill->answered_total()));
  fmt::print("\n");
}

void print_table(const report& done) {
  if (done.prefill)
    print_counts("prefill", *done.prefill, done.prefill_seconds);
  if (done.options.prefill_only)
    return print_memory(done);
  auto& seen = *done.seen;
  print_counts("requests", seen, done.seconds);
  fmt::print("{:<11}{:>10}", "us", "answers");
  for (auto percent : percents)
    fmt::print(" {:>10}", fmt::format("p{:g}", percent));
  fmt::print(" {:>10}\n", "max");
  for (size_t i = 0; i < request_kind_count; ++i)
    print_latency(name(static_cast<request_kind>(i)), seen.latency_ns[i]);
  std::unique_ptr<hdr_histogram> owner;
  print_latency("all", merged_latency(seen, owner));
  fmt::print("{:<11}{:.1f} MiB out, {:.1f} MiB in, {} connections, {} peers\n", "traffic",
             static_cast<double>(seen.bytes_sent) / mebi,
             static_cast<double>(seen.bytes_received) / mebi, seen.connections,
             seen.peers_received);
  if (seen.offers_received + seen.answers_received > 0)
    fmt::print("{:<11}{} offers, {} answers\n", "relayed", seen.offers_received,
               seen.answers_received);
  if (done.hostile_sent > 0)
    fmt::print("{:<11}{} sent\n", "hostile", done.hostile_sent);
  if (done.server)
    print_usage("server", *done.server, seen.answered_total());
  if (done.options.idle)
    print_memory(done);
  print_usage("generator", done.generator, seen.answered_total());
}

} // namespace

void print(const report& done) {
  if (done.options.json)
    print_json(done);
  else
    print_table(done);
}

} // namespace shoal::load
