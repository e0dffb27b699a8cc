// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/load/socket.hpp"

#include <memory>
#include <string>
#include <string_view>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace shoal::load {

/// Makes TLS clients that trust everybody: for measuring, not for secrets.
class tls_client {
public:
  tls_client();
  ~tls_client();
  tls_client(const tls_client&) = delete;

  SSL_CTX* get() const { return context_; }

private:
  SSL_CTX* context_;
};

/// A non-blocking connection, plain or TLS, that keeps what the kernel does not take yet.
class stream {
public:
  stream();
  ~stream();
  stream(stream&&) noexcept;
  stream& operator=(stream&&) noexcept;

  /// Begins to connect; bytes may be written at once. @param tls null: plain.
  /// @errors ec::unavailable.
  result<void> open(const endpoint& target, unsigned range, unsigned source, const tls_client* tls);

  /// For connections on which requests follow each other.
  void no_delay();

  void close();

  bool is_open() const { return static_cast<bool>(fd_); }

  int fd() const { return fd_.fd(); }

  /// Where to append what shall be sent; `flush` sends it.
  std::string& output() { return output_; }

  /// @returns false if the connection has failed.
  bool flush();

  /// Reads what there is.
  /// @returns bytes read, 0 at the end of the connection, -1 if there is nothing now, -2 if the
  /// connection has failed.
  long read(char* data, size_t size);

  /// Whether `read` may have more although it did not fill its buffer.
  bool may_have_more() const { return static_cast<bool>(tls_); }

  /// Tells `epoll` what this stream waits for, if that has changed. @param data of its events.
  bool update_interest(int epoll, uint64_t data);

  /// Bytes handed to the kernel, or to TLS, since the last call.
  uint64_t take_sent() { return std::exchange(sent_, 0); }

private:
  struct tls_deleter {
    void operator()(SSL* tls) const;
  };

  long write(const char* data, size_t size);

  descriptor fd_;
  std::unique_ptr<SSL, tls_deleter> tls_;
  std::string output_;
  uint64_t sent_ = 0;
  uint32_t interest_ = 0; ///< As epoll knows it; 0: not at all.
  bool wants_write_ = false;
};

} // namespace shoal::load
