// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/tally.hpp"

#include <numeric>

namespace shoal::load {

std::string_view name(request_kind kind) {
  constexpr std::string_view names[] = {"connect", "announce", "scrape", "get", "invalid"};
  static_assert(std::size(names) == request_kind_count);
  return names[static_cast<size_t>(kind)];
}

std::string_view name(trouble what) {
  constexpr std::string_view names[] = {"timeout",    "refused",      "status",      "malformed",
                                        "mismatched", "disconnected", "unconnected", "credulous"};
  static_assert(std::size(names) == trouble_count);
  return names[static_cast<size_t>(what)];
}

uint64_t tally::sent_total() const {
  auto all = std::accumulate(sent.begin(), sent.end(), uint64_t{0});
  return all - sent[static_cast<size_t>(request_kind::invalid)];
}

uint64_t tally::answered_total() const {
  auto all = std::accumulate(answered.begin(), answered.end(), uint64_t{0});
  return all - answered[static_cast<size_t>(request_kind::invalid)];
}

uint64_t tally::wrong_total() const {
  auto all = std::accumulate(troubles.begin(), troubles.end(), uint64_t{0});
  return all - of(trouble::timeout);
}

void tally::merge(const tally& other) {
  for (size_t i = 0; i < request_kind_count; ++i) {
    sent[i] += other.sent[i];
    answered[i] += other.answered[i];
    latency_ns[i].merge(other.latency_ns[i]);
  }
  for (size_t i = 0; i < trouble_count; ++i)
    troubles[i] += other.troubles[i];
  last_answer = std::max(last_answer, other.last_answer);
  late += other.late;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  peers_received += other.peers_received;
  connections += other.connections;
  offers_received += other.offers_received;
  answers_received += other.answers_received;
}

} // namespace shoal::load
