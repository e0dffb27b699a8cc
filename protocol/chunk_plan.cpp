// SPDX-License-Identifier: Apache-2.0
#include "protocol/chunk_plan.hpp"

#include "core/error.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// So many in a row, whatever was asked for, and the source was away.
constexpr uint32_t outage_failures = 3;

} // namespace

chunk_plan::chunk_plan(const chunk_plan_config& config) : config_(config) {
  SHOAL_CHECK(config.chunk_bytes > 0 && config.requests_max > 0
              && config.chunks_per_request_max > 0);
  auto count
      = config.size_bytes / config.chunk_bytes + (config.size_bytes % config.chunk_bytes != 0);
  states_.assign(count, state::missing);
}

// -- readers -------------------------------------------------------------------------------

/// @returns the first chunk that is not here.
std::optional<uint32_t> chunk_plan::missing_from(uint32_t first, uint32_t last) const {
  for (auto chunk = first; chunk <= last; ++chunk)
    if (!is_here(chunk))
      return chunk;
  return std::nullopt;
}

chunk_plan::reader_id chunk_plan::add_reader(uint64_t offset, uint64_t length, mono_time now) {
  auto id = next_reader_++;
  auto& r = readers_[id];
  if (length == 0 || offset >= config_.size_bytes)
    return id;
  auto last_byte = offset + std::min(length, config_.size_bytes - offset) - 1;
  r = {static_cast<uint32_t>(offset / config_.chunk_bytes),
       static_cast<uint32_t>(last_byte / config_.chunk_bytes), false};
  if (auto chunk = missing_from(r.first, r.last))
    wait({now, {{r.last, id}}}, *chunk);
  return id;
}

void chunk_plan::remove_reader(reader_id reader) {
  auto known = readers_.find(reader);
  if (known == readers_.end())
    return;
  auto r = known->second;
  readers_.erase(known);
  if (r.empty)
    return;
  // It waits for a chunk of its range, nearly always for the first one that is not here.
  for (auto it = waiting_.lower_bound(r.first); it != waiting_.end() && it->first <= r.last; ++it)
    if (it->second.members.erase({r.last, reader}) != 0) {
      if (it->second.members.empty())
        erase_group(it->first);
      return;
    }
}

void chunk_plan::wait(group&& with, uint32_t chunk) {
  auto [it, is_new] = waiting_.try_emplace(chunk, std::move(with));
  if (!is_new) {
    order_.erase({it->second.since, chunk});
    it->second.since = std::min(it->second.since, with.since);
    it->second.members.merge(with.members);
  }
  order_.emplace(it->second.since, chunk);
}

void chunk_plan::erase_group(uint32_t chunk) {
  auto it = waiting_.find(chunk);
  order_.erase({it->second.since, chunk});
  waiting_.erase(it);
}

bool chunk_plan::is_stuck(reader_id reader) const {
  auto known = readers_.find(reader);
  if (known == readers_.end() || known->second.empty)
    return false;
  auto chunk = missing_from(known->second.first, known->second.last);
  auto failed = chunk ? failures_.find(*chunk) : failures_.end();
  return failed != failures_.end() && is_given_up(failed->second);
}

// -- choosing ------------------------------------------------------------------------------

bool chunk_plan::is_given_up(const failure& failed) const {
  return failed.attempts >= config_.attempts_max;
}

bool chunk_plan::is_free(uint32_t chunk, source_id source, mono_time now) const {
  if (states_[chunk] != state::missing)
    return false;
  auto failed = failures_.find(chunk);
  if (failed == failures_.end())
    return true;
  if (is_given_up(failed->second))
    return false;
  auto there = failed->second.until.find(source);
  return there == failed->second.until.end() || there->second <= now;
}

bool chunk_plan::is_barren(source_id source) const {
  auto found = rests_.find(source);
  return found != rests_.end() && found->second.failures >= config_.source_attempts_max;
}

bool chunk_plan::is_ready(source_id source, mono_time now) const {
  auto found = rests_.find(source);
  return found == rests_.end() || (!is_barren(source) && found->second.until <= now);
}

/// @param limit set to the last chunk that may go with it.
std::optional<uint32_t> chunk_plan::choose(source_id source, mono_time now, uint32_t& limit) const {
  auto last = chunk_count() - 1;
  auto wanted_until = [&](uint32_t chunk) {
    return config_.fills ? last : waiting_.at(chunk).members.rbegin()->first;
  };
  for (auto& [since, chunk] : order_) {
    if (!is_free(chunk, source, now))
      continue;
    limit = wanted_until(chunk);
    return chunk;
  }
  for (auto& [since, chunk] : order_) {
    auto wanted = waiting_.at(chunk).members.rbegin()->first;
    auto end = std::min<uint64_t>(wanted, uint64_t{chunk} + config_.ahead_chunks);
    for (auto c = chunk + 1; c <= end; ++c) {
      if (!is_free(c, source, now))
        continue;
      limit = wanted_until(chunk);
      return c;
    }
  }
  // One request is left for a reader who comes now.
  if (!config_.fills || requests_.size() + 1 >= std::max(config_.requests_max, 2u))
    return std::nullopt;
  limit = last;
  for (auto c = first_missing_; c <= last; ++c)
    if (is_free(c, source, now))
      return c;
  return std::nullopt;
}

std::optional<chunk_plan::request> chunk_plan::next(source_id source, mono_time now) {
  if (requests_.size() >= config_.requests_max || is_whole() || !is_ready(source, now))
    return std::nullopt;
  uint32_t limit = 0;
  auto first = choose(source, now, limit);
  if (!first)
    return std::nullopt;
  request made;
  made.number = next_number_++;
  made.source = source;
  made.first = *first;
  while (made.count < config_.chunks_per_request_max && made.first + made.count <= limit
         && is_free(made.first + made.count, source, now))
    states_[made.first + made.count++] = state::asked;
  made.bytes.first = uint64_t{made.first} * config_.chunk_bytes;
  made.bytes.last
      = std::min(config_.size_bytes, uint64_t{made.first + made.count} * config_.chunk_bytes) - 1;
  while (first_missing_ < states_.size() && states_[first_missing_] != state::missing)
    ++first_missing_;
  requests_.emplace(made.number, made);
  return made;
}

// -- what comes of it ----------------------------------------------------------------------

void chunk_plan::arrived(uint32_t chunk, mono_time now) {
  SHOAL_CHECK(chunk < states_.size());
  if (is_here(chunk))
    return;
  states_[chunk] = state::here;
  ++here_;
  failures_.erase(chunk);
  for (auto& [number, r] : requests_)
    if (r.first <= chunk && chunk < r.first + r.count)
      note_gift(r.source);
  auto found = waiting_.find(chunk);
  if (found == waiting_.end())
    return;
  auto moving = std::move(found->second);
  order_.erase({moving.since, chunk});
  waiting_.erase(found);
  auto& members = moving.members;
  auto next = missing_from(chunk, members.rbegin()->first);
  // Those who want nothing beyond are served.
  members.erase(members.begin(), next ? members.lower_bound({*next, reader_id{0}}) : members.end());
  if (members.empty())
    return;
  moving.since = now;
  wait(std::move(moving), *next);
}

std::chrono::milliseconds chunk_plan::pause_after(uint32_t failures) const {
  auto doubled = config_.retry_min * (1u << std::min(failures - 1, 16u));
  return std::min<std::chrono::milliseconds>(doubled, config_.retry_max);
}

chunk_plan::failure& chunk_plan::note_failure(uint32_t chunk, source_id source, mono_time now) {
  states_[chunk] = state::missing;
  first_missing_ = std::min(first_missing_, chunk);
  auto& failed = failures_[chunk];
  failed.until[source] = now + pause_after(++failed.attempts);
  return failed;
}

/// A source that was away is back: what it did not give then is no fault of the chunks. Each is
/// forgiven once, lest those that are never right delay the others for ever.
void chunk_plan::note_gift(source_id source) {
  auto rested = rests_.extract(source);
  if (!rested || rested.mapped().failures < outage_failures)
    return;
  for (auto& [chunk, failed] : failures_) {
    if (std::exchange(failed.is_at_fault, true))
      continue;
    failed.attempts = 0;
    failed.until.clear();
  }
}

void chunk_plan::ended(uint64_t number, mono_time now, bool is_wrong) {
  auto found = requests_.find(number);
  if (found == requests_.end())
    return;
  auto r = found->second;
  requests_.erase(found);
  uint32_t came = 0;
  for (auto chunk = r.first; chunk < r.first + r.count; ++chunk) {
    if (states_[chunk] != state::asked) {
      ++came;
      continue;
    }
    auto& failed = note_failure(chunk, r.source, now);
    failed.is_at_fault |= std::exchange(is_wrong, false); // Of the first alone.
  }
  if (came > 0)
    return;
  auto& source = rests_[r.source];
  if (number <= source.counted)
    return;
  source.counted = next_number_ - 1;
  source.until = now + pause_after(++source.failures);
}

std::optional<chunk_plan::source_id> chunk_plan::source_of(uint64_t number) const {
  auto found = requests_.find(number);
  return found == requests_.end() ? std::nullopt : std::optional{found->second.source};
}

void chunk_plan::lost(uint32_t chunk) {
  SHOAL_CHECK(chunk < states_.size());
  if (!is_here(chunk))
    return;
  states_[chunk] = state::missing;
  --here_;
  first_missing_ = std::min(first_missing_, chunk);
}

void chunk_plan::forgive() {
  failures_.clear();
  rests_.clear();
}

std::vector<uint32_t> chunk_plan::given_up() const {
  std::vector<uint32_t> chunks;
  for (auto& [chunk, failed] : failures_)
    if (is_given_up(failed))
      chunks.push_back(chunk);
  return chunks;
}

bool chunk_plan::is_hopeless() const {
  auto given = given_up().size();
  return given > 0 && given + here_ == states_.size();
}

std::optional<mono_time> chunk_plan::retry_at(mono_time now) const {
  std::optional<mono_time> first;
  for (auto& [chunk, failed] : failures_)
    if (!is_given_up(failed))
      for (auto& [source, until] : failed.until)
        if (until > now && (!first || until < *first))
          first = until;
  for (auto& [source, x] : rests_)
    if (x.until > now && !is_barren(source) && (!first || x.until < *first))
      first = x.until;
  return first;
}

} // namespace shoal
