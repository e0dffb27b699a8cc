// SPDX-License-Identifier: Apache-2.0
#include "http/raw_poller.hpp"

#include <boost/system/system_error.hpp>

namespace shoal::http {

namespace {

/// So few that asking again would likely find nothing.
constexpr int few = 4;

int make_set() {
  auto fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0)
    throw boost::system::system_error{errno, boost::system::system_category(), "epoll_create1"};
  return fd;
}

} // namespace

raw_poller::raw_poller(asio::io_context& io) : set_{io.get_executor()} {
  set_.assign(make_set()); // Boost 1.74 has a constructor for this that does not compile.
  arm();
}

bool raw_poller::add(int fd, uint32_t events, void* who) {
  epoll_event what{events, {who}};
  return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &what) == 0;
}

bool raw_poller::change(int fd, uint32_t events, void* who) {
  epoll_event what{events, {who}};
  return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, fd, &what) == 0;
}

void raw_poller::remove(int fd) {
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const epoll_event> raw_poller::ready() {
  if (!hot_)
    return {};
  auto n = ::epoll_wait(set_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
  if (n < few) {
    hot_ = false;
    arm();
  }
  return {events_.data(), static_cast<size_t>(std::max(n, 0))};
}

void raw_poller::arm() {
  set_.async_wait(asio::posix::descriptor_base::wait_read,
                  [this](const boost::system::error_code& failed) { hot_ = !failed; });
}

} // namespace shoal::http
