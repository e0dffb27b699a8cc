// SPDX-License-Identifier: Apache-2.0
#include "cluster/shared_keys.hpp"

#include "core/hex.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace shoal::cluster {

using namespace coordination;

namespace {

constexpr int64_t age_s_max = int64_t{1} << 31;

/// Generations that a node remembers: those of the record and some that have left it.
constexpr size_t known_max = 2 * shared_key_record::generations_max;

/// How often the record is told for how long its generations have been known: a restart of all
/// nodes at once loses so much of that.
constexpr std::chrono::seconds note_min = std::chrono::minutes{10};
constexpr std::chrono::seconds note_max = std::chrono::hours{1};

/// Nodes take turns within so long. A thousand of them try a few writes in vain then, not 999.
constexpr std::chrono::milliseconds turns_within{8000};

using std::chrono::seconds;

template <class Generations>
auto find_secret(Generations& all, const std::string& secret) {
  return std::find_if(all.begin(), all.end(), [&](auto& x) { return x.key.secret == secret; });
}

} // namespace

shared_keys::shared_keys(store& store, const config& settings, environment env)
    : store_{store}, config_{settings}, env_{std::move(env)}, space_{settings.prefix},
      follower_{store, space_.keys(), env_.now, *this, settings.follow} {
  for (auto& key : config_.keys) {
    auto& x = items_.emplace_back();
    x.config = key;
  }
}

shared_keys::item* shared_keys::find(std::string_view name) {
  auto found = std::find_if(items_.begin(), items_.end(),
                            [&](const item& x) { return x.config.name == name; });
  return found == items_.end() ? nullptr : &*found;
}

// -- what the service has ------------------------------------------------------------

void shared_keys::replaced(uint64_t, std::span<const key_value> keys) {
  for (auto& x : items_) {
    x.revision = 0;
    x.unreadable = false;
  }
  for (auto& kv : keys)
    take(kv, !seen_);
  seen_ = true;
}

void shared_keys::changed(uint64_t, std::span<const watch_event> events) {
  for (auto& event : events) {
    if (!event.erased) {
      take(event.kv, false);
    } else if (auto* x = find(std::string_view{event.kv.key}.substr(space_.keys().size()))) {
      x->revision = 0; // Somebody writes again what we know.
      x->unreadable = false;
    }
  }
}

void shared_keys::went_back(uint64_t, uint64_t) {
  env_.failed("", {ec::corrupt, "the coordination service went back in time"});
}

void shared_keys::take(const key_value& kv, bool first_view) {
  auto* x = find(std::string_view{kv.key}.substr(space_.keys().size()));
  if (x == nullptr)
    return; // Of a newer program.
  x->revision = kv.mod_revision;
  auto record = decode_shared_key(kv.value);
  x->unreadable = !record;
  if (record)
    adopt(*x, *record, first_view);
  else
    env_.failed(x->config.name, record.error());
}

/// What stands in the record comes first, whatever its numbers: somebody may have erased it and
/// begun anew. A generation that is known stays as old as it is known to be, and one that has left
/// the record is kept, because what was issued under it may still be good.
void shared_keys::adopt(item& x, const shared_key_record& record, bool first_view) {
  auto now = env_.now();
  auto old = std::exchange(x.generations, {});
  for (auto& r : record.generations) {
    auto seen = now - seconds(std::clamp<int64_t>(r.known_s, 0, age_s_max));
    auto known = find_secret(old, r.key.secret);
    if (known != old.end())
      x.generations.push_back({r.key, known->since, std::min(known->seen, seen)});
    else if (first_view)
      x.generations.push_back({r.key, now - std::max(age_of(r.key), x.config.notice), seen});
    else
      x.generations.push_back({r.key, now, seen});
  }
  for (auto& known : old)
    if (find_secret(x.generations, known.key.secret) == x.generations.end()
        && x.generations.size() < known_max)
      x.generations.push_back(known);
  for (size_t i = x.generations.size(); i-- > 1;)
    if (!is_accepted(x, i, now))
      x.generations.erase(x.generations.begin() + static_cast<ptrdiff_t>(i));
  x.record = record;
  x.noted = now;
  if (!old.empty() && x.generations.front().key.secret == old.front().key.secret)
    return;
  x.watched_since = now;
  env_.changed(x.config.name);
}

/// By this node's clock, which may be wrong.
std::chrono::seconds shared_keys::age_of(const key_generation& x) const {
  return std::chrono::seconds{std::clamp<int64_t>(env_.wall() - x.created_at, 0, age_s_max)};
}

// -- what is done about it -----------------------------------------------------------

void shared_keys::advance() {
  follower_.advance();
  if (!seen_)
    return;
  auto now = env_.now();
  for (auto& x : items_) {
    if (x.busy || now < x.next)
      continue;
    auto is_old = is_due(x, now);
    if (!is_old && !is_note_due(x, now))
      x.turn.reset();
    else if (!is_its_turn(x, now))
      continue;
    else if (is_old)
      rotate(x, now);
    else
      write(x, {still_good(x, now)}, now);
  }
}

/// All nodes find at the same moment that something is due. Whose turn is first spares the others a
/// write that would fail; but what does not exist, everybody waits for.
bool shared_keys::is_its_turn(item& x, mono_time now) const {
  uint8_t share = 0;
  if (x.revision != 0 && !x.turn && env_.draw({&share, 1}))
    x.turn = now + turns_within * share / 256;
  if (x.turn && now < *x.turn)
    return false;
  x.turn.reset();
  return true;
}

bool shared_keys::is_due(const item& x, mono_time now) const {
  if (x.unreadable)
    return false;
  if (x.revision == 0)
    return true;
  // Nobody may rotate so fast that a good generation falls out of the record, whatever its clock.
  auto replaced_is_good = x.config.notice + x.config.accept;
  auto& newest = x.generations.front();
  auto is_old_by_date
      = now - newest.since >= x.config.rotate_every && now - x.watched_since >= replaced_is_good;
  auto is_old_to_all = now - newest.seen >= std::max(x.config.rotate_every, replaced_is_good);
  return x.config.rotate_every.count() != 0 && (is_old_by_date || is_old_to_all);
}

/// Whether the record has something that is not good any more, or says too little of how long the
/// rest has been known. Otherwise a node that starts would accept what was replaced for its whole
/// time again, and where all start again and again nobody would ever put a new one before it.
bool shared_keys::is_note_due(const item& x, mono_time now) const {
  if (x.unreadable || x.revision == 0)
    return false;
  auto kept = still_good(x, now).size();
  auto period = std::clamp<std::chrono::seconds>(x.config.accept / 16, note_min, note_max);
  auto counts = kept > 1 || x.config.rotate_every.count() != 0;
  return kept < x.record.generations.size() || (counts && now >= x.noted + period);
}

/// @returns what is accepted of the record, as of now.
std::vector<recorded_generation> shared_keys::still_good(const item& x, mono_time now) const {
  std::vector<recorded_generation> good;
  for (size_t i = 0; i < x.generations.size(); ++i) {
    auto& known = x.generations[i];
    auto recorded = std::any_of(x.record.generations.begin(), x.record.generations.end(),
                                [&](auto& r) { return r.key.secret == known.key.secret; });
    if (recorded && is_accepted(x, i, now))
      good.push_back(as_recorded(known, now));
  }
  return good;
}

recorded_generation shared_keys::as_recorded(const known_generation& x, mono_time now) {
  return {x.key, std::chrono::floor<std::chrono::seconds>(now - x.seen).count()};
}

/// Puts a new generation before those that are still accepted. If the key was erased, what is known
/// is written again with it.
void shared_keys::rotate(item& x, mono_time now) {
  shared_key_record record;
  auto& fresh = record.generations.emplace_back().key;
  fresh.created_at = env_.wall();
  fresh.secret.resize(key_generation::secret_bytes);
  x.next = now + config_.retry;
  if (!env_.draw({reinterpret_cast<uint8_t*>(fresh.secret.data()), fresh.secret.size()})) {
    env_.failed(x.config.name, {ec::unavailable, "the system gives no random bytes"});
    return;
  }
  for (size_t i = 0; i < x.generations.size(); ++i)
    if (is_accepted(x, i, now) && record.generations.size() < shared_key_record::generations_max)
      record.generations.push_back(as_recorded(x.generations[i], now));
  // Whoever began anew after an erasure may have begun with 1, before others that are known here.
  uint64_t number = 0;
  for (auto one = record.generations.rbegin(); one != record.generations.rend(); ++one)
    number = one->key.number = std::max(one->key.number, number + 1);
  write(x, record, now);
}

void shared_keys::write(item& x, const shared_key_record& record, mono_time now) {
  x.next = now + config_.retry;
  auto key = space_.shared_key(x.config.name);
  transaction what;
  what.when.push_back({key, condition::what::mod_revision, x.revision});
  what.then.push_back({key, encode(record), 0});
  x.busy = true;
  // Whether it was done or another node was faster, the watch says what stands there now.
  store_.commit(std::move(what), now + config_.timeout,
                [&x, alive = std::weak_ptr(alive_)](const result<transaction_result>&) {
                  if (!alive.expired())
                    x.busy = false;
                });
}

// -- what is to be used --------------------------------------------------------------

/// Whether a generation other than the newest is still good: its successor took over some time
/// after it was seen, and some time after that is over.
bool shared_keys::is_accepted(const item& x, size_t index, mono_time now) const {
  return index == 0 || now < x.generations[index - 1].seen + x.config.notice + x.config.accept;
}

std::optional<key_ring> shared_keys::ring(std::string_view name) const {
  auto found = std::find_if(items_.begin(), items_.end(),
                            [&](const item& x) { return x.config.name == name; });
  if (found == items_.end() || found->generations.empty())
    return std::nullopt;
  auto& all = found->generations;
  auto now = env_.now();
  size_t current = 0;
  while (current + 1 < all.size() && now < all[current].since + found->config.notice)
    ++current;
  key_ring ring{all[current].key, {}};
  for (size_t i = 0; i < all.size(); ++i)
    if (i != current && is_accepted(*found, i, now))
      ring.others.push_back(all[i].key);
  return ring;
}

std::string derive_key(std::string_view secret, std::string_view label, size_t bytes) {
  SHOAL_CHECK(bytes <= 255 * 32);
  std::string out;
  std::string block;
  for (uint8_t i = 1; out.size() < bytes; ++i) {
    auto text = block + std::string{label} + static_cast<char>(i);
    std::array<uint8_t, 32> mac{};
    unsigned size = 0;
    auto* made = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                      as_bytes(text).data(), text.size(), mac.data(), &size);
    SHOAL_CHECK(made && size == mac.size());
    block = as_chars(mac);
    out += block;
  }
  out.resize(bytes);
  return out;
}

} // namespace shoal::cluster
