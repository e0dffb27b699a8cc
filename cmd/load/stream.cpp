// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/stream.hpp"

#include <openssl/ssl.h>

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

namespace shoal::load {

tls_client::tls_client() : context_{SSL_CTX_new(TLS_client_method())} {
  SHOAL_CHECK(context_ != nullptr);
  SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                 | SSL_MODE_RELEASE_BUFFERS);
}

tls_client::~tls_client() {
  SSL_CTX_free(context_);
}

void stream::tls_deleter::operator()(SSL* tls) const {
  SSL_free(tls);
}

stream::stream() = default;
stream::~stream() = default;
stream::stream(stream&&) noexcept = default;
stream& stream::operator=(stream&&) noexcept = default;

result<void> stream::open(const endpoint& target, unsigned range, unsigned source,
                          const tls_client* tls) {
  close();
  auto made = connect_to(target, SOCK_STREAM, range, source);
  if (!made)
    return tl::unexpected{made.error()};
  fd_ = std::move(*made);
  if (tls) {
    tls_.reset(SSL_new(tls->get()));
    SHOAL_CHECK(tls_ && SSL_set_fd(tls_.get(), fd_.fd()) == 1);
    SSL_set_connect_state(tls_.get());
  }
  return {};
}

void stream::no_delay() {
  int on = 1;
  ::setsockopt(fd_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void stream::close() {
  tls_.reset();
  fd_.close();
  output_.clear();
  interest_ = 0;
  wants_write_ = false;
}

long stream::write(const char* data, size_t size) {
  if (!tls_) {
    auto n = ::send(fd_.fd(), data, size, MSG_NOSIGNAL);
    return n >= 0 ? n : (errno == EAGAIN || errno == EINTR ? -1 : -2);
  }
  auto n = SSL_write(tls_.get(), data, static_cast<int>(size));
  if (n > 0)
    return n;
  auto why = SSL_get_error(tls_.get(), n);
  wants_write_ = why == SSL_ERROR_WANT_WRITE;
  return wants_write_ || why == SSL_ERROR_WANT_READ ? -1 : -2;
}

bool stream::flush() {
  wants_write_ = false;
  size_t done = 0;
  while (done < output_.size()) {
    auto n = write(output_.data() + done, output_.size() - done);
    if (n == -2)
      return false;
    if (n == -1) {
      wants_write_ |= !tls_;
      break;
    }
    done += static_cast<size_t>(n);
  }
  output_.erase(0, done);
  sent_ += done;
  return true;
}

long stream::read(char* data, size_t size) {
  if (!tls_) {
    auto n = ::recv(fd_.fd(), data, size, 0);
    return n >= 0 ? n : (errno == EAGAIN || errno == EINTR ? -1 : -2);
  }
  auto n = SSL_read(tls_.get(), data, static_cast<int>(size));
  if (n > 0)
    return n;
  switch (SSL_get_error(tls_.get(), n)) {
  case SSL_ERROR_ZERO_RETURN:
    return 0;
  case SSL_ERROR_WANT_WRITE:
    wants_write_ = true;
    return -1;
  case SSL_ERROR_WANT_READ:
    return -1;
  default:
    return -2;
  }
}

bool stream::update_interest(int epoll, uint64_t data) {
  uint32_t wanted = EPOLLIN | (wants_write_ ? uint32_t{EPOLLOUT} : 0u);
  if (wanted == interest_)
    return true;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = data;
  auto how = interest_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  interest_ = wanted;
  return ::epoll_ctl(epoll, how, fd_.fd(), &event) == 0;
}

} // namespace shoal::load
