// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/stream.hpp"
#include "persistence/posix_file.hpp"

#include <span>
#include <string_view>

namespace shoal::http {

/// The bytes of a connection that has left Asio, for sockets whose readiness a raw_poller tells.
/// Nothing here waits.
class bare_stream {
public:
  using error_code = boost::system::error_code;

  /// @param from must have nothing pending.
  explicit bare_stream(stream from);

  /// -1 once it is closed.
  int descriptor() const { return socket_.get(); }
  bool encrypted() const { return tls_ != nullptr; }

  /// Reads what has come: of TLS one record at most.
  /// @param failed would_block if there is nothing, eof at the end.
  size_t read_now(std::span<char> into, error_code& failed);

  /// Writes what the socket takes. @param failed would_block if that is not all.
  size_t write_now(std::string_view bytes, error_code& failed);

  /// Says that nothing more will be written: close_notify if encrypted, then FIN.
  void shutdown_send();

  void close();

private:
  unique_fd socket_;
  detail::ssl_handle tls_; // Goes before the socket.
};

} // namespace shoal::http
