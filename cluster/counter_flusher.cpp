// SPDX-License-Identifier: Apache-2.0
#include "cluster/counter_flusher.hpp"

#include "persistence/records.hpp"

#include <algorithm>

namespace shoal::cluster {

namespace {

uint64_t saturating_add(uint64_t a, uint64_t b) {
  return a + b < a ? UINT64_MAX : a + b;
}

using new_value = result<std::optional<std::string>>;

new_value add_to_entry(const std::optional<std::string>& old, const counter_amounts& amounts) {
  if (!old)
    return std::nullopt;
  auto record = decode_entry(*old);
  if (!record)
    return tl::unexpected(record.error());
  record->completions = saturating_add(record->completions, amounts.completions);
  return encode(*record);
}

new_value add_to_usage(const std::optional<std::string>& old, const counter_amounts& amounts) {
  usage_record record;
  record.first_seen = amounts.at;
  if (old) {
    auto decoded = decode_usage(*old);
    if (!decoded)
      return tl::unexpected(decoded.error());
    record = *decoded;
  }
  record.uploaded_bytes = saturating_add(record.uploaded_bytes, amounts.uploaded_bytes);
  record.downloaded_bytes = saturating_add(record.downloaded_bytes, amounts.downloaded_bytes);
  record.announces = saturating_add(record.announces, amounts.announces);
  record.last_seen = std::max(record.last_seen, amounts.at);
  return encode(record);
}

std::string id_of(const counter_config& config, uint64_t number) {
  return config.node + '/' + std::to_string(config.incarnation) + '-' + std::to_string(number);
}

/// Ids that one flush erases.
constexpr size_t forgotten_max = 8;

} // namespace

void counter_amounts::add(const counter_amounts& more) {
  completions = saturating_add(completions, more.completions);
  uploaded_bytes = saturating_add(uploaded_bytes, more.uploaded_bytes);
  downloaded_bytes = saturating_add(downloaded_bytes, more.downloaded_bytes);
  announces = saturating_add(announces, more.announces);
  at = std::max(at, more.at);
}

new_value add_to_record(table where, const std::optional<std::string>& old,
                        const counter_amounts& amounts) {
  return where == table::entries ? add_to_entry(old, amounts) : add_to_usage(old, amounts);
}

counter_flusher::counter_flusher(commit_store& store, hooks how, const counter_config& config)
    : store_{store}, how_{std::move(how)}, config_{config} {}

std::string counter_flusher::id() const {
  return id_of(config_, number_);
}

bool counter_flusher::add(const counter_key& of, const counter_amounts& amounts) {
  auto at = waiting_.find(of);
  if (at == waiting_.end()) {
    if (waiting_.size() >= config_.pending_max)
      return false;
    at = waiting_.emplace(of, counter_amounts{}).first;
  }
  at->second.add(amounts);
  return true;
}

counter_amounts counter_flusher::pending(const counter_key& of) const {
  counter_amounts sum;
  for (auto* all : {&waiting_, &batch_})
    if (auto at = all->find(of); at != all->end())
      sum.add(at->second);
  return sum;
}

void counter_flusher::advance() {
  if (is_asking_ || wants_claim() || how_.now() < next_)
    return;
  if (batch_.empty())
    begin();
  if (!batch_.empty())
    attempt();
}

void counter_flusher::flush(std::function<void()> then) {
  if (is_idle()) {
    then();
    return;
  }
  flushing_.push_back(std::move(then));
  next_ = {};
  advance();
}

void counter_flusher::begin() {
  if (waiting_.empty())
    return;
  ++number_;
  was_asked_ = is_doubtful_ = false;
  size_t bytes = 0;
  while (!waiting_.empty() && batch_.size() < config_.records_max && bytes < config_.bytes_max) {
    auto first = waiting_.begin();
    if (auto found = how_.read(first->first.where, first->first.key); found && *found)
      bytes += (*found)->value.size();
    batch_.insert(waiting_.extract(first));
  }
}

/// With what the records hold now; the amounts stay as they are.
result<commit_request> counter_flusher::plan() {
  commit_request request;
  for (auto it = batch_.begin(); it != batch_.end();) {
    const auto& [of, amounts] = *it;
    auto found = how_.read(of.where, of.key);
    if (!found && found.error().code != ec::corrupt)
      return tl::unexpected(found.error());
    new_value made;
    if (!found)
      made = tl::unexpected(found.error());
    else
      made = how_.apply(of.where, *found ? std::optional{(*found)->value} : std::nullopt, amounts);
    if (!made || !*made) {
      if (!made)
        how_.dropped(of, amounts, made.error());
      it = batch_.erase(it);
      continue;
    }
    request.guards.push_back({of.where, of.key, *found ? (*found)->revision : 0});
    request.mutations.push_back({of.where, of.key, std::move(*made)});
    ++it;
  }
  return request;
}

void counter_flusher::attempt() {
  next_ = how_.now() + config_.period;
  auto request = plan();
  if (!request)
    return;
  if (batch_.empty()) {
    finish();
    return;
  }
  durable_write what{std::move(*request), std::nullopt, id(), {}, claim_};
  auto forgets = std::min(old_.size(), forgotten_max);
  for (size_t i = 0; i < forgets; ++i)
    what.forget.push_back(id_of(config_, old_[i]));
  if (config_.broken == flaw::flushes_without_id)
    what.once.clear();
  if (config_.broken == flaw::flushes_unclaimed || what.once.empty())
    what.claim = 0;
  is_asking_ = was_asked_ = true;
  store_.commit(std::move(what),
                [this, forgets, alive = std::weak_ptr(alive_)](const result<uint64_t>& outcome) {
                  if (!alive.expired())
                    on_outcome(outcome, forgets);
                });
}

void counter_flusher::on_outcome(const result<uint64_t>& outcome, size_t forgets) {
  is_asking_ = false;
  if (outcome) {
    old_.erase(old_.begin(), old_.begin() + static_cast<std::ptrdiff_t>(forgets));
    finish();
    return;
  }
  auto why = outcome.error().code;
  is_doubtful_ = is_doubtful_ || why == ec::timeout || why == ec::shutting_down;
  if (why == ec::not_owner && claim_ != 0)
    on_claim_lost();
  // Else the same again, whatever has become of it.
}

/// Another process of this node may have erased the id, so the same cannot be asked for again.
void counter_flusher::on_claim_lost() {
  claim_ = 0;
  if (!is_doubtful_)
    return;
  for (const auto& [of, amounts] : batch_)
    how_.dropped(of, amounts, {ec::timeout, "another process flushes for this node"});
  finish();
}

void counter_flusher::finish() {
  if (std::exchange(was_asked_, false))
    old_.push_back(number_);
  batch_.clear();
  if (!waiting_.empty()) {
    if (!flushing_.empty())
      next_ = {};
    return;
  }
  for (auto& then : std::exchange(flushing_, {}))
    then();
}

namespace {

/// One claim on its way.
struct claim_task : std::enable_shared_from_this<claim_task> {
  coordination::store& store;
  key_space keys;
  counter_config of;
  coordination::condition member;
  mono_time deadline;
  coordination::store::callback<uint64_t> then;

  claim_task(coordination::store& s, const key_space& k, const counter_config& c,
             coordination::condition m, mono_time d, coordination::store::callback<uint64_t> t)
      : store{s}, keys{k}, of{c}, member{std::move(m)}, deadline{d}, then{std::move(t)} {}

  std::string key() const { return keys.flusher(of.node); }

  /// A claim of its own that was not answered holds.
  void look() {
    store.read({key(), key() + '\0', 1, 0}, deadline, [self = shared_from_this()](auto page) {
      if (!page)
        self->then(tl::unexpected(page.error()));
      else if (page->keys.empty())
        self->claim(0);
      else if (page->keys[0].value == std::to_string(self->of.incarnation))
        self->erase(page->keys[0].mod_revision);
      else
        self->claim(page->keys[0].mod_revision);
    });
  }

  void claim(uint64_t before) {
    coordination::transaction what;
    what.when.push_back(member);
    what.when.push_back({key(), coordination::condition::what::mod_revision, before});
    what.then.push_back({key(), std::to_string(of.incarnation), 0});
    store.commit(std::move(what), deadline, [self = shared_from_this()](const auto& answer) {
      if (!answer)
        self->then(tl::unexpected(answer.error()));
      else if (answer->succeeded)
        self->erase(answer->revision);
      else
        self->then(fail(ec::not_owner, "this process is not the node"));
    });
  }

  void erase(uint64_t claim) {
    constexpr uint32_t at_once = 100;
    auto first = keys.flush(of.node + '/');
    store.read({first, coordination::prefix_end(first), at_once, 0}, deadline,
               [self = shared_from_this(), claim](auto page) {
                 if (page)
                   self->erase(claim, *page);
                 else
                   self->then(tl::unexpected(page.error()));
               });
  }

  void erase(uint64_t claim, coordination::range_page& page) {
    auto ours = keys.flush(of.node + '/' + std::to_string(of.incarnation) + '-');
    coordination::transaction what;
    what.when.push_back({key(), coordination::condition::what::mod_revision, claim});
    for (auto& kv : page.keys)
      if (!kv.key.starts_with(ours))
        what.then.push_back({std::move(kv.key), std::nullopt, 0});
    if (what.then.empty()) {
      then(claim);
      return;
    }
    store.commit(std::move(what), deadline, [self = shared_from_this(), claim](const auto& answer) {
      if (!answer)
        self->then(tl::unexpected(answer.error()));
      else if (answer->succeeded)
        self->erase(claim);
      else
        self->then(fail(ec::not_owner, "another process flushes for this node"));
    });
  }
};

} // namespace

void claim_flushes(coordination::store& store, const key_space& keys, const counter_config& of,
                   const coordination::condition& member, mono_time deadline,
                   coordination::store::callback<uint64_t> then) {
  std::make_shared<claim_task>(store, keys, of, member, deadline, std::move(then))->look();
}

} // namespace shoal::cluster
