// SPDX-License-Identifier: Apache-2.0
#include "cluster/migration.hpp"

#include "core/hex.hpp"

#include <algorithm>
#include <random>

namespace shoal::cluster {

using namespace coordination;

namespace {

constexpr std::string_view source_key = "migration.source";
constexpr std::string_view all_copied = "copied";

} // namespace

migration_into_etcd::migration_into_etcd(store& etcd, lmdb_store& local,
                                         const std::function<mono_time()>& now,
                                         const migration_config& config)
    : etcd_{etcd}, local_{local}, now_{now}, config_{config}, keys_{config.prefix}, check_{etcd,
                                                                                           local,
                                                                                           now,
                                                                                           keys_} {}

void migration_into_etcd::start(callback then) {
  then_ = std::move(then);
  give_up_at_ = now_() + config_.patience;
  next_ = now_();
  is_waiting_ = true;
}

void migration_into_etcd::advance() {
  if (!is_waiting_ || now_() < next_)
    return;
  is_waiting_ = false;
  if (auto known = identify(); known)
    look();
  else
    end(tl::unexpected(known.error()));
}

void migration_into_etcd::later(const error& why) {
  if (now_() >= give_up_at_) {
    end(tl::unexpected(why));
    return;
  }
  next_ = now_() + config_.retry;
  is_waiting_ = true;
}

void migration_into_etcd::end(result<uint64_t> outcome) {
  std::exchange(then_, nullptr)(std::move(outcome));
}

/// A registry keeps its name, so that it is known again after an interruption.
result<void> migration_into_etcd::identify() {
  if (!source_.empty())
    return {};
  auto found = local_.get(table::meta, source_key);
  if (!found)
    return tl::unexpected(found.error());
  if (*found) {
    source_ = (*found)->value;
    return {};
  }
  std::random_device random;
  auto made = std::to_string(uint64_t{random()} << 32 | random());
  auto kept = local_.commit(commit_request{{}, {{table::meta, std::string(source_key), made}}});
  if (!kept)
    return tl::unexpected(kept.error());
  source_ = made;
  return {};
}

// -- how far it is --------------------------------------------------------------------------

/// "SOURCE TABLE KEY", the key in hexadecimal digits; or "SOURCE copied".
std::string migration_into_etcd::marker_of(const position& at) const {
  if (at.is_end())
    return source_ + ' ' + std::string(all_copied);
  return source_ + ' ' + std::string(name(shared_tables[at.table])) + ' '
         + to_hex(as_bytes(at.after));
}

std::optional<migration_into_etcd::position>
migration_into_etcd::parse_marker(std::string_view text) const {
  if (!text.starts_with(source_ + ' '))
    return std::nullopt;
  text.remove_prefix(source_.size() + 1);
  if (text == all_copied)
    return position{shared_tables.size(), {}};
  auto space = text.find(' ');
  for (size_t i = 0; i < shared_tables.size() && space != std::string_view::npos; ++i) {
    if (text.substr(0, space) != name(shared_tables[i]))
      continue;
    std::vector<uint8_t> key((text.size() - space - 1) / 2);
    if (from_hex(text.substr(space + 1), key))
      return position{i, std::string(as_chars(key))};
  }
  return std::nullopt;
}

/// Asked at the start, and after whatever went wrong.
void migration_into_etcd::look() {
  etcd_.read({keys_.migration(), keys_.migration() + '\0', 1, 0}, now_() + config_.timeout,
             [this, alive = std::weak_ptr(alive_)](const result<range_page>& page) {
               if (alive.expired())
                 return;
               page ? on_marker(*page) : later(page.error());
             });
}

void migration_into_etcd::on_marker(const range_page& page) {
  if (page.keys.empty()) {
    marker_ = 0;
    at_ = {};
    see_that_it_is_empty();
    return;
  }
  marker_ = page.keys[0].mod_revision;
  auto at = parse_marker(page.keys[0].value);
  if (!at) {
    end(fail(ec::conflict, "etcd has a registry of another origin"));
    return;
  }
  at_ = *at;
  copy_some();
}

void migration_into_etcd::see_that_it_is_empty() {
  constexpr uint32_t some = 500; // Barriers of nodes come early.
  auto below = keys_.data().size();
  etcd_.read({keys_.data(), prefix_end(keys_.data()), some, 0}, now_() + config_.timeout,
             [this, below, alive = std::weak_ptr(alive_)](const result<range_page>& page) {
               if (alive.expired())
                 return;
               if (!page)
                 later(page.error());
               else if (std::any_of(page->keys.begin(), page->keys.end(), [&](const auto& kv) {
                          return parse_data_key(std::string_view(kv.key).substr(below));
                        }))
                 end(fail(ec::conflict, "etcd has a registry already"));
               else
                 copy_some();
             });
}

// -- copying --------------------------------------------------------------------------------

/// What comes next of one table, or that there is no more.
result<migration_into_etcd::part> migration_into_etcd::next_part() const {
  part next;
  next.reached = at_;
  auto& at = next.reached;
  auto& puts = next.what.then;
  for (size_t bytes = 0; puts.empty() && !at.is_end();) {
    auto where = shared_tables[at.table];
    auto from = at.after;
    auto seen = local_.scan(where, from, [&](auto key, auto value, uint64_t) {
      if (!from.empty() && key == from)
        return true;
      puts.push_back({keys_.data(name(where), key), std::string(value), 0});
      at.after = key;
      bytes += key.size() + value.size();
      return puts.size() < config_.records_per_commit && bytes < config_.bytes_per_commit;
    });
    if (!seen)
      return tl::unexpected(seen.error());
    if (puts.empty())
      at = {at.table + 1, {}};
  }
  next.records = puts.size();
  puts.push_back({keys_.migration(), marker_of(at), 0});
  next.what.when.push_back({keys_.migration(), condition::what::mod_revision, marker_});
  return next;
}

void migration_into_etcd::copy_some() {
  if (at_.is_end()) {
    check_.start(0, [this](result<uint64_t> records) { end(std::move(records)); });
    return;
  }
  auto next = next_part();
  if (!next) {
    end(tl::unexpected(next.error()));
    return;
  }
  auto what = next->what;
  etcd_.commit(std::move(what), now_() + config_.timeout,
               [this, done = std::move(*next),
                alive = std::weak_ptr(alive_)](const result<transaction_result>& answer) {
                 if (alive.expired())
                   return;
                 answer ? on_copied(done, *answer) : later(answer.error());
               });
}

void migration_into_etcd::on_copied(const part& done, const transaction_result& answer) {
  if (!answer.succeeded) { // An earlier one has happened after all.
    look();
    return;
  }
  give_up_at_ = now_() + config_.patience;
  marker_ = answer.revision;
  at_ = done.reached;
  written_ += done.records;
  copy_some();
}

// -- and back -------------------------------------------------------------------------------

migration_into_lmdb::migration_into_lmdb(store& etcd, lmdb_store& local,
                                         const std::function<mono_time()>& now,
                                         const migration_config& config)
    : etcd_{etcd}, local_{local}, now_{now}, config_{config}, keys_{config.prefix}, disk_{local},
      copy_{etcd, disk_, now, *this, replica_config{"migration", config.prefix}}, check_{etcd,
                                                                                         local, now,
                                                                                         keys_} {}

void migration_into_lmdb::start(callback then) {
  then_ = std::move(then);
  give_up_at_ = patience_from_now();
}

/// What is not a copy would be erased as if it were one.
result<void> migration_into_lmdb::see_that_it_may() {
  auto at = disk_.position();
  if (!at)
    return tl::unexpected(at.error());
  for (auto where : shared_tables) {
    auto count = local_.count(where);
    if (!count)
      return tl::unexpected(count.error());
    if (*count > 0 && at->revision == 0)
      return fail(ec::conflict, "the store has a registry of its own");
  }
  return {};
}

void migration_into_lmdb::advance() {
  if (!then_ || is_checking_)
    return;
  if (goal_ == 0) {
    if (!is_asking_)
      find_end();
    return;
  }
  copy_.advance();
  copy_.reach(goal_);
  if (copy_.revision() >= goal_)
    check();
  else if (copy_.has_stopped() || now_() >= give_up_at_)
    end(tl::unexpected(trouble_.value_or(error{ec::unavailable, "etcd does not answer"})));
}

void migration_into_lmdb::find_end() {
  if (auto may = see_that_it_may(); !may) {
    end(tl::unexpected(may.error()));
    return;
  }
  is_asking_ = true;
  etcd_.read({keys_.data(), prefix_end(keys_.data()), 1, 0}, now_() + config_.timeout,
             [this, alive = std::weak_ptr(alive_)](const result<range_page>& page) {
               if (alive.expired())
                 return;
               is_asking_ = false;
               if (page)
                 goal_ = page->revision;
               else if (now_() >= give_up_at_)
                 end(tl::unexpected(page.error()));
             });
}

void migration_into_lmdb::check() {
  is_checking_ = true;
  check_.start(copy_.revision(), [this](result<uint64_t> records) {
    if (!records) {
      end(std::move(records));
      return;
    }
    // From now on it is a store of its own.
    auto freed = disk_.forget_position();
    if (freed)
      end(std::move(records));
    else
      end(tl::unexpected(freed.error()));
  });
}

void migration_into_lmdb::end(result<uint64_t> outcome) {
  std::exchange(then_, nullptr)(std::move(outcome));
}

} // namespace shoal::cluster
