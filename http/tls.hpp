// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/error.hpp"
#include "core/metrics.hpp"
#include "http/certificate_dates.hpp"
#include "http/ticket_keys.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct ssl_ctx_st;

namespace shoal::http {

/// Where a certificate and its key are.
struct certificate_files {
  std::string chain; ///< PEM: the server's certificate first, then those that vouch for it.
  std::string key;   ///< PEM, without a password.

  /// "chain.pem:key.pem", or one file that holds both.
  static certificate_files parse(const std::string& text);
  std::string str() const { return chain == key ? chain : chain + ":" + key; }
};

/// The server's side of TLS 1.2 and 1.3: what every connection of this node starts from. A name
/// (SNI) may have an ECDSA and an RSA certificate, clients get what they understand; who asks for
/// an unknown name gets the certificates of the first one. Sessions are resumed by tickets, so
/// that nothing is remembered here, and go on being resumed after a reload.
class tls_context {
public:
  tls_context() = default;

  /// Reads the files anew; connections that exist are not touched. Thread-safe. Certificates that
  /// are out of date are taken, as a wrong clock or a late renewal is no reason to serve nobody.
  /// @errors ec::invalid_argument with the file and why: what was there before stays.
  result<void> load(const std::vector<certificate_files>& files);

  /// What new connections use; null before the first `load`.
  std::shared_ptr<ssl_ctx_st> current() const;

  /// Of the certificates in use, in the order of the files.
  std::vector<certificate_dates> dates() const;

  /// Has tickets sealed and opened with these, see ticket_keys::share. Thread-safe.
  void share_tickets(std::vector<ticket_keys::key> keys) { tickets_->share(std::move(keys)); }

  /// Shows until when each of them is valid. @param registry is not read once this is gone.
  void add_metrics(metrics::registry& registry, const std::vector<certificate_files>& files) const;

private:
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> current_;
  std::vector<certificate_dates> dates_;
  std::shared_ptr<ticket_keys> tickets_ = std::make_shared<ticket_keys>();
};

} // namespace shoal::http
