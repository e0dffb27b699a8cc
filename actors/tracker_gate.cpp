// SPDX-License-Identifier: Apache-2.0
#include "actors/tracker_gate.hpp"

#include "actors/keyed_hash.hpp"
#include "core/limits.hpp"
#include "protocol/announce_reply.hpp"
#include "protocol/passkey.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace shoal {

std::string_view name(transport t) {
  static constexpr std::array<std::string_view, transport_count> names{"http", "udp", "ws"};
  return names[static_cast<size_t>(t)];
}

std::string_view name(refusal_kind kind) {
  static constexpr std::array<std::string_view, refusal_kind_count> names{
      "rate_limited", "unauthorized", "blocked", "unregistered", "bad_announce", "banned"};
  return names[static_cast<size_t>(kind)];
}

namespace {

/// The key of BEP 15 is a number. Over HTTP each client writes it in a way of its own ("0000CAFE",
/// "0000cafe", "cafe"), and who has none sends zero over UDP. All of that is one key.
/// @param room for what is returned.
std::string_view canonical_key(std::string_view key, std::array<char, 8>& room) {
  uint32_t number = 0;
  auto end = key.data() + key.size();
  auto [parsed, failed] = std::from_chars(key.data(), end, number, 16);
  if (key.size() > room.size() || failed != std::errc{} || parsed != end)
    return key;
  auto written = std::to_chars(room.begin(), room.end(), number, 16).ptr;
  return number == 0 ? std::string_view{} : std::string_view{room.data(), written};
}

} // namespace

tracker_gate::tracker_gate(tracker_config config, const swarm_directory& directory,
                           const hash_key& secret, metrics::registry& registry)
    : config_{std::move(config)}, directory_{directory}, secret_{secret},
      limiter_{{config_.rate_per_second, config_.rate_burst, secret}} {
  add_metrics(registry);
}

void tracker_gate::add_metrics(metrics::registry& registry) {
  for (size_t i = 0; i < transport_count; ++i) {
    auto label = "transport=\"" + std::string{name(transport{static_cast<uint8_t>(i)})} + '"';
    for (size_t family = 0; family < 2; ++family)
      announces_[i][family]
          = &registry.add_counter("shoal_announces_total", "Announces handled, by transport",
                                  label + (family == 0 ? ",family=\"v4\"" : ",family=\"v6\""));
    scrapes_[i]
        = &registry.add_counter("shoal_scrapes_total", "Scrapes handled, by transport", label);
    refused_by_transport_[i] = &registry.add_counter(
        "shoal_tracker_refused_total", "Tracker requests refused, by transport", label);
    received_[i] = &registry.add_counter("shoal_tracker_received_bytes_total",
                                         "Bytes of tracker requests, by transport", label);
    sent_[i] = &registry.add_counter("shoal_tracker_sent_bytes_total",
                                     "Bytes of tracker replies, by transport", label);
    seconds_[i] = &registry.add_histogram("shoal_announce_seconds",
                                          "Time from an announce's arrival to its answer", label);
  }
  for (size_t i = 0; i < refusal_kind_count; ++i)
    refused_[i] = &registry.add_counter(
        "shoal_refused_total", "Requests and connections refused, by reason",
        "reason=\"" + std::string{name(refusal_kind{static_cast<uint8_t>(i)})} + '"');
  unanswered_ = &registry.add_counter(
      "shoal_unanswered_announces_total",
      "Announces answered without peers because the swarm did not answer in time");
  registry.add_reader(
      "tracker_announces_total", "Total number of announce requests handled", "",
      [this] { return double(announces()); }, "counter");
  registry.add_reader(
      "tracker_scrapes_total", "Total number of scrape requests handled", "",
      [this] { return double(scrapes()); }, "counter");
  registry.add_reader("shoal_rate_limit_buckets", "Clients that the rate limiter remembers", "",
                      [this] { return double(limiter_.size()); });
  registry.add_reader("shoal_rate_limit_buckets_max", "Bound of the rate limiter's memory", "",
                      [] { return double(rate_limiter::buckets_max); });
}

void tracker_gate::change_secrets(std::vector<std::string> secrets) {
  std::lock_guard guard{secrets_mutex_};
  auto& now = *secrets_.load(std::memory_order_relaxed);
  if (secrets.empty() || now.empty() || secrets == now)
    return;
  secrets_.store(&all_secrets_.emplace_back(std::move(secrets)), std::memory_order_release);
}

tl::expected<std::string, refusal> tracker_gate::check_passkey(std::string_view passkey) const {
  auto& good = secrets();
  if (good.empty())
    return std::string{};
  if (passkey.empty())
    return tl::unexpected{refusal{refusal_kind::unauthorized, std::string{passkey_missing}, {}}};
  auto user = verify_passkey(good, passkey);
  if (!user)
    return tl::unexpected{refusal{refusal_kind::unauthorized, std::string{passkey_wrong}, {}}};
  return std::move(*user);
}

tl::expected<std::string, refusal> tracker_gate::admit(const ip_address& client,
                                                       std::string_view passkey, mono_time now) {
  if (!within_rate(client, now))
    return tl::unexpected{refusal{refusal_kind::rate_limited,
                                  "Rate limit exceeded. Please slow down.",
                                  std::chrono::minutes{1}}};
  return check_passkey(passkey);
}

tl::expected<admission, refusal> tracker_gate::enter(const info_hash& swarm) const {
  auto known = directory_.lookup(swarm);
  if (known.blocked)
    return tl::unexpected{refusal{refusal_kind::blocked, "info_hash is blocked", retry_never}};
  if (!known.registered && !config_.open)
    return tl::unexpected{unregistered()};
  return known;
}

uint32_t tracker_gate::interval_unanswered_s() const {
  thread_local uint64_t drawn = 0;
  return interval_policy{config_.intervals}.longest(mix_bits(++drawn));
}

uint64_t tracker_gate::identity_of(const peer_id& id, std::string_view key) const {
  std::array<char, 8> room;
  key = canonical_key(key, room);
  std::array<uint8_t, peer_id::size_bytes + 1 + limits::announce_key_bytes_max> bytes;
  auto end = std::copy(id.bytes.begin(), id.bytes.end(), bytes.begin());
  *end++ = 0;
  end = std::copy_n(as_bytes(key).begin(), std::min(key.size(), limits::announce_key_bytes_max),
                    end);
  return keyed_hash(secret_, {bytes.begin(), end});
}

transport_totals tracker_gate::totals(transport t) const {
  auto i = index(t);
  return {announces_[i][0]->value(),         announces_[i][1]->value(), scrapes_[i]->value(),
          refused_by_transport_[i]->value(), received_[i]->value(),     sent_[i]->value()};
}

uint64_t tracker_gate::announces() const {
  uint64_t sum = 0;
  for (auto& families : announces_)
    for (auto* c : families)
      sum += c->value();
  return sum;
}

uint64_t tracker_gate::scrapes() const {
  uint64_t sum = 0;
  for (auto* c : scrapes_)
    sum += c->value();
  return sum;
}

} // namespace shoal
