// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/link.hpp"
#include "cluster/link_core.hpp"
#include "cluster/link_tls.hpp"
#include "core/net.hpp"

#include <memory>
#include <mutex>

namespace shoal::cluster {

struct link_hub_config {
  link_identity self;
  link_timing timing;
  kind_since since = [](uint16_t) { return protocol_first; };
  endpoint listen; ///< Port 0: any.
  link_files files;
  bool insecure = false; ///< Plain links, on this machine only; `files` are not read.
};

/// How all links are, for metrics.
struct link_report {
  std::vector<link_numbers> links;
  std::vector<link_peer_numbers> peers; ///< Of all nodes that are followed.
  link_totals totals;
  size_t connections = 0;     ///< Also those that are not links yet.
  size_t strangers = 0;       ///< Accepted, and without a valid hello so far.
  uint64_t turned_away = 0;   ///< Before the handshake, as too many came from there.
  uint64_t pushed_out = 0;    ///< Strangers that had to make room for later ones.
  uint64_t inbox_refused = 0; ///< Calls and notices beyond limits::link_inbox_bytes_max.

  /// The last second of this node's certificate, as links that begin now show it. 0: plain links.
  unix_seconds certificate_expires = 0;
};

/// Where a hub leaves its last report for others. Thread-safe.
class link_board {
public:
  /// @returns an empty report before the hub has begun, and after it has ended.
  std::shared_ptr<const link_report> latest() const {
    std::lock_guard guard{mutex_};
    return latest_;
  }

  void publish(link_report x) {
    auto made = std::make_shared<const link_report>(std::move(x));
    std::lock_guard guard{mutex_};
    latest_.swap(made);
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const link_report> latest_ = std::make_shared<const link_report>();
};

/// Links over TCP with mutual TLS 1.3, on a thread of their own. With what the inbox cannot take,
/// `call` calls back with ec::busy from within, and with ec::unavailable once the hub is about to
/// end. When it ends, it says farewell to all, and whoever still waits for an answer has got an
/// error before the destructor returns; handlers may be told nothing afterwards.
class link_hub : public links {
public:
  /// @errors ec::invalid_argument: the files, or a plain link that is not for this machine;
  /// ec::unavailable: the port.
  static result<std::unique_ptr<link_hub>> start(link_hub_config cfg);

  /// Where it listens.
  virtual endpoint address() const = 0;

  /// Reads the files anew, for links that begin later. @errors as `start`; then nothing changes.
  virtual result<void> reload_certificates() = 0;

  /// What the hub says of itself each second; for any thread, and for longer than the hub lives.
  virtual std::shared_ptr<const link_board> board() const = 0;

  /// @param then called on the links' thread; not at all once the hub is about to end.
  virtual void report(std::function<void(link_report)> then) = 0;
};

} // namespace shoal::cluster
