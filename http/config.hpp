// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/defaults.hpp"
#include "core/limits.hpp"
#include "core/net.hpp"
#include "http/download_pacer.hpp"
#include "http/tls.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace shoal::http {

/// What the HTTP edge needs to know; validated by cmd/ before anything opens.
struct http_config {
  std::vector<endpoint> listen;     ///< Each is bound by every edge thread (SO_REUSEPORT).
  std::vector<endpoint> tls_listen; ///< The same with TLS.
  std::vector<certificate_files> certificates; ///< Needed with `tls_listen`.
  std::vector<cidr> proxy_protocol_from;       ///< Whose connections begin with a PROXY header.
  uint32_t connections_per_address = 2000;     ///< 0 is no limit.
  bool fast_lane = true;      ///< False: announces take the way of all requests, for comparison.
  unsigned threads = 0;       ///< 0 is one per core.
  unsigned disk_threads = 4;  ///< For file reads and hashing of uploads.
  std::string public_url;     ///< "https://host[:port]" without a slash; empty: from Host.
  std::string public_udp_url; ///< "udp://host:port" for torrents and magnets; empty: not named.
  std::vector<cidr> trusted_proxies; ///< Whose X-Forwarded-For is believed.
  std::string registry_key;          ///< X-Weightless-Key; empty: writes are open.
  std::string admin_key;             ///< For /api/admin; empty: switched off.
  bool guest_access = true;          ///< Sessions without a key may see and fetch model files.
  bool session_required = false;     ///< Model files need a session or a key.
  std::chrono::seconds session_life = std::chrono::hours{24 * 30};
  std::chrono::seconds signing_rotation = std::chrono::hours{24 * 90}; ///< 0: one key for ever.
  pacer_config downloads;       ///< How fast and how much clients may fetch.
  std::string webseed_base_url; ///< Where unknown web seed files are sought; may be empty.
  size_t connections_max = limits::connections_per_edge_max; ///< Per edge thread.
  std::chrono::seconds header_timeout = defaults::header_timeout;
  std::chrono::seconds idle_timeout = defaults::idle_timeout;
  std::chrono::seconds stall_timeout = defaults::stall_timeout;
  std::chrono::seconds leave_notice{0};    ///< Between `announce_leave` and `stop` at least.
  std::vector<std::string> in_place_roots; ///< Folders whose files may be served from there.
};

} // namespace shoal::http
