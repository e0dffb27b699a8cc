// SPDX-License-Identifier: Apache-2.0
#include "actors/webseed_side.hpp"

#include "core/log.hpp"
#include "persistence/partial_object.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr unsigned disk_threads = 2;

/// What nobody has asked for since is not gone on with.
constexpr auto leftover_age_max = std::chrono::hours{7 * 24};

using origin::failure_kind;

} // namespace

std::string_view name(mirror_policy policy) {
  switch (policy) {
  case mirror_policy::on_demand:
    return "on-demand";
  case mirror_policy::listed:
    return "listed";
  default:
    return "off";
  }
}

std::optional<mirror_policy> parse_mirror_policy(std::string_view text) {
  for (auto policy : {mirror_policy::on_demand, mirror_policy::listed, mirror_policy::off})
    if (name(policy) == text)
      return policy;
  return std::nullopt;
}

bool webseed_config::covers(std::string_view id) const {
  if (mirror != mirror_policy::listed)
    return asks_origins();
  auto fits = [&](std::string_view listed) {
    if (!listed.ends_with("/*"))
      return listed == id;
    listed.remove_suffix(1);
    return id.starts_with(listed) && id.size() > listed.size();
  };
  return !base_urls.empty() && std::any_of(models.begin(), models.end(), fits);
}

webseed_side::webseed_side(webseed_config config, const std::filesystem::path& folder,
                           object_store& store, metrics::registry& metrics)
    : pulled{metrics.add_counter("shoal_webseed_pulls_total", "Pulls from origins, by their end",
                                 "result=\"done\"")},
      failed{metrics.add_counter("shoal_webseed_pulls_total", "Pulls from origins, by their end",
                                 "result=\"failed\"")},
      served_bytes{metrics.add_counter("shoal_webseed_served_bytes_total",
                                       "Bytes sent to clients while they came from an origin")},
      wrong{metrics.add_counter("shoal_webseed_failures_total", "Failures of origins, by reason",
                                "reason=\"hash\"")},
      by_pieces{metrics.add_counter("shoal_webseed_pulls_by_pieces_total",
                                    "Pulls whose bytes are checked piece by piece as they come")},
      lookups{metrics.add_counter("shoal_webseed_lookups_total",
                                  "Questions to origins about what they have")},
      stale{metrics.add_counter("shoal_webseed_stale_total",
                                "Answers from memory because the origin gave none")},
      config_{std::move(config)}, health_{config_.base_urls.size()}, incoming_{folder / "incoming"},
      store_{store}, disk_{disk_threads}, hashing_{1} {}

void webseed_side::add_readers(metrics::registry& metrics) {
  auto gauge = [&](std::string_view called, std::string_view help, std::atomic<size_t>& of) {
    metrics.add_reader(called, help, "", [&of] { return double(of.load()); });
  };
  gauge("shoal_webseed_pulls_active", "Files on their way from origins", pulls);
  gauge("shoal_webseed_readers", "Clients that read files on their way", readers);
  gauge("shoal_webseed_readers_waiting", "Clients that wait for bytes of an origin", waiting);
  for (size_t i = 0; i < config_.base_urls.size(); ++i)
    metrics.add_reader("shoal_webseed_origin_resting",
                       "1 while an origin is asked after all others, because it failed",
                       "origin=" + metrics::quoted(config_.base_urls[i]),
                       [this, i] { return health_.is_well(i, mono_now()) ? 0.0 : 1.0; });
  auto& client = *client_;
  metrics.add_reader(
      "shoal_webseed_origin_bytes_total", "Bytes of files taken from origins", "",
      [&client] { return double(client.usage().bytes); }, "counter");
  metrics.add_reader(
      "shoal_webseed_origin_requests_total", "Requests to origins, hops of redirects each", "",
      [&client] { return double(client.usage().requests); }, "counter");
  metrics.add_reader("shoal_webseed_origin_queue", "Requests that wait for their turn at an origin",
                     "", [&client] { return double(client.usage().queued); });
  metrics.add_reader(
      "shoal_webseed_origin_pauses_total", "Waits for the pace of an origin", "",
      [&client] { return double(client.usage().pauses); }, "counter");
  for (size_t i = 0; i < static_cast<size_t>(failure_kind::sentinel_); ++i)
    metrics.add_reader(
        "shoal_webseed_failures_total", "Failures of origins, by reason",
        "reason=" + metrics::quoted(origin::name(static_cast<failure_kind>(i))),
        [&client, i] { return double(client.usage().failures[i]); }, "counter");
}

void webseed_side::clean_up() const {
  auto now = std::filesystem::file_time_type::clock::now();
  size_t kept = 0;
  for (auto& left : partial_object::list(incoming_)) {
    std::error_code failure;
    auto map = incoming_ / (left.key.hex() + ".map");
    auto age = now - std::filesystem::last_write_time(map, failure);
    if (failure || age > leftover_age_max)
      partial_object::remove(incoming_, left.key);
    else
      ++kept;
  }
  if (kept > 0)
    log::info("webseed", "finds files to go on with count={}", kept);
}

result<std::unique_ptr<webseed_side>> webseed_side::start(webseed_config config,
                                                          const std::filesystem::path& folder,
                                                          object_store& store,
                                                          metrics::registry& metrics) {
  std::unique_ptr<webseed_side> made{new webseed_side{std::move(config), folder, store, metrics}};
  auto book = origin_book::open(folder / "book");
  if (!book)
    return tl::unexpected{book.error()};
  made->book_ = std::move(*book);
  auto client = origin::origin_client::start(made->config_.client);
  if (!client)
    return tl::unexpected{client.error()};
  made->client_ = std::move(*client);
  made->clean_up();
  made->add_readers(metrics);
  return made;
}

} // namespace shoal
