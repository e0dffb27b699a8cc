// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.hpp"
#include "core/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the cluster needs of a coordination service, in etcd's terms: linearizable transactions,
/// ranges at a revision, watches and leases. Two engines: etcd, and the model that the simulation
/// runs against. Everything is asynchronous and single-threaded: callbacks run on the thread that
/// drives the engine, never from within the call that took them, and each exactly once.
namespace shoal::coordination {

/// 0: no lease.
using lease_id = int64_t;

/// A key as the service holds it.
struct key_value {
  std::string key;
  std::string value;
  uint64_t create_revision = 0;
  uint64_t mod_revision = 0; ///< Never 0 for a key that exists.
  lease_id lease = 0;        ///< The key goes when this lease ends.

  bool operator==(const key_value&) const = default;
};

/// A condition on one key.
struct condition {
  enum class what : uint8_t {
    mod_revision,    ///< 0: the key does not exist.
    create_revision, ///< 0: the key does not exist.
    lease,           ///< The lease the key hangs on.
  };
  std::string key;
  what of = what::mod_revision;
  uint64_t equals = 0;

  bool operator==(const condition&) const = default;
};

/// A write to one key. One transaction never writes a key twice (etcd refuses that).
struct operation {
  std::string key;
  std::optional<std::string> value; ///< Nothing erases.
  lease_id lease = 0;

  bool operator==(const operation&) const = default;
};

/// If all conditions hold, all operations happen and make one revision. Otherwise nothing does, and
/// the keys of `on_failure` are read at the same moment.
struct transaction {
  std::vector<condition> when;
  std::vector<operation> then;
  std::vector<std::string> on_failure;

  bool operator==(const transaction&) const = default;
};

struct transaction_result {
  bool succeeded = false;
  uint64_t revision = 0;                      ///< Of the store after (or without) the writes.
  std::vector<std::optional<key_value>> read; ///< In the order of `on_failure`, if it failed.
};

/// The keys `first <= key < end`, in order, at most `limit`.
struct range_query {
  std::string first;
  std::string end;
  uint32_t limit = 1000;
  uint64_t at_revision = 0; ///< 0: now (linearizable). Else a revision that is not compacted yet.
};

struct range_page {
  std::vector<key_value> keys;
  bool more = false;     ///< There are keys beyond the last one.
  uint64_t revision = 0; ///< At which it was read: pass it on to read the rest consistently.
};

struct watch_event {
  bool erased = false; ///< Then only `key` and `mod_revision` are set.
  key_value kv;
};

/// Who follows a range of keys. After `lost` nothing more comes.
class watcher {
public:
  virtual ~watcher() = default;

  /// The watch is established: nothing after `revision` will be missed.
  virtual void started(uint64_t revision) = 0;

  /// All events of these keys up to `revision`, in order, none twice; a transaction is never torn.
  /// No events: progress, the range stands at `revision`.
  virtual void changed(uint64_t revision, std::span<const watch_event> events) = 0;

  /// ec::not_found: what was asked for is compacted, read the range again. ec::unavailable: the
  /// service cannot be reached; watch again from the revision after the last one seen.
  virtual void lost(const error& why) = 0;
};

/// Ends the watch when it dies.
class watch {
public:
  virtual ~watch() = default;
};

/// Whether the service refuses whoever asks, so that asking again does not help.
inline bool is_denied(const error& why) {
  return why.code == ec::unauthorized;
}

/// A coordination service. Lost when it dies: every callback that waits, each called with
/// ec::shutting_down.
///
/// Errors of every call: ec::unavailable (certainly not done), ec::timeout (*unknown* whether it
/// was done), ec::unauthorized, ec::too_large, ec::invalid_argument, ec::shutting_down (unknown).
class store {
public:
  template <class T>
  using callback = std::function<void(result<T>)>;

  virtual ~store() = default;

  /// @param deadline after which the answer is ec::timeout at once.
  virtual void commit(transaction what, mono_time deadline, callback<transaction_result> then) = 0;

  /// @errors also ec::not_found: `at_revision` is compacted.
  virtual void read(range_query what, mono_time deadline, callback<range_page> then) = 0;

  /// Follows the keys `first <= key < end` from `from_revision` on (0: from now).
  /// @param who outlives the returned watch.
  virtual std::unique_ptr<watch> follow(std::string first, std::string end, uint64_t from_revision,
                                        watcher& who)
      = 0;

  /// @param ttl_s 1.. seconds.
  virtual void grant(uint32_t ttl_s, mono_time deadline, callback<lease_id> then) = 0;

  /// Answers with the seconds left. @errors also ec::not_found: the lease has ended.
  virtual void keep_alive(lease_id lease, mono_time deadline, callback<uint32_t> then) = 0;

  /// Ends a lease and erases its keys. @errors also ec::not_found.
  virtual void revoke(lease_id lease, mono_time deadline, callback<uint64_t> then) = 0;
};

/// @returns the first key after all that begin with `prefix`: the end of its range; "\0" (which
/// etcd reads as "no end") if there is none.
std::string prefix_end(std::string_view prefix);

} // namespace shoal::coordination
