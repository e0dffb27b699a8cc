// SPDX-License-Identifier: Apache-2.0
// What this machine can do at all: reads, answers a constant, does nothing else.
//     limit_server udp|http|close ADDRESS PORT THREADS BYTES
// "http" keeps connections, "close" ends each after its answer. BYTES is the size of a body, or of
// the peers in a UDP answer. Runs until it is killed.
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

struct settings {
  std::string mode;
  sockaddr_in address{};
  unsigned threads = 1;
  size_t bytes = 0;
};

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "limit_server: %s: %s\n", what, std::strerror(errno));
  std::exit(2);
}

int open_socket(const settings& s, int type) {
  int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (type == SOCK_STREAM || type == (SOCK_STREAM | SOCK_NONBLOCK))
    ::setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&s.address), sizeof(s.address)) != 0)
    give_up("bind");
  if (type != SOCK_DGRAM && ::listen(fd, 4096) != 0)
    give_up("listen");
  return fd;
}

// -- UDP ------------------------------------------------------------------------------------------

/// Packets that are read and answered with one system call each way.
struct batch {
  static constexpr size_t size = 64;

  std::array<std::array<uint8_t, 2048>, size> in;
  std::array<std::vector<uint8_t>, size> out;
  std::array<sockaddr_in, size> from;
  std::array<iovec, size> in_vectors{}, out_vectors{};
  std::array<mmsghdr, size> received{}, answers{};

  explicit batch(size_t peer_bytes) {
    for (size_t i = 0; i < size; ++i) {
      out[i].assign(20 + peer_bytes, 0);
      out[i][9] = 7; // The interval: 1,800 seconds.
      out[i][10] = 8;
      in_vectors[i] = {in[i].data(), in[i].size()};
      received[i].msg_hdr = {&from[i], sizeof(from[i]), &in_vectors[i], 1, nullptr, 0, 0};
      answers[i].msg_hdr = {&from[i], sizeof(from[i]), &out_vectors[i], 1, nullptr, 0, 0};
    }
  }

  void prepare(size_t i) {
    auto& packet = out[i];
    auto action = in[i][11];
    packet[3] = action;
    std::memcpy(packet.data() + 4, in[i].data() + 12, 4); // The transaction id.
    out_vectors[i] = {packet.data(), action == 0 ? 16 : packet.size()};
    answers[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
    received[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
  }
};

void serve_udp(const settings& s) {
  int fd = open_socket(s, SOCK_DGRAM);
  int bytes = 4 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  batch b(s.bytes);
  for (;;) {
    int count = ::recvmmsg(fd, b.received.data(), batch::size, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < count; ++i)
      b.prepare(static_cast<size_t>(i));
    for (int sent = 0; sent < count;) {
      int n = ::sendmmsg(fd, b.answers.data() + sent, static_cast<unsigned>(count - sent), 0);
      sent += n > 0 ? n : 1;
    }
  }
}

// -- HTTP -----------------------------------------------------------------------------------------

std::string constant_answer(const settings& s) {
  auto text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
              + std::to_string(s.bytes) + "\r\n";
  text += s.mode == "close" ? "Connection: close\r\n\r\n" : "\r\n";
  // Looks like an answer to an announce, so that the generator's checks cost the same.
  std::string peers = "d8:completei9e10:incompletei9e8:intervali1800e5:peers";
  auto count = s.bytes > peers.size() + 8 ? (s.bytes - peers.size() - 8) / 6 * 6 : 0;
  auto body = peers + std::to_string(count) + ":";
  body.resize(s.bytes > 0 ? s.bytes - 1 : 0, 'x');
  return text + body + (s.bytes > 0 ? "e" : "");
}

void answer_and_close(int listener, const std::string& answer) {
  char request[16 * 1024];
  for (;;) {
    int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
      return;
    // The listener defers: the request is here already. The end rides on the answer.
    if (::recv(fd, request, sizeof(request), 0) > 0)
      ::send(fd, answer.data(), answer.size(), MSG_MORE | MSG_NOSIGNAL);
    ::close(fd);
  }
}

void add(int epoll, int fd) {
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted);
}

void serve_http(const settings& s) {
  int listener = open_socket(s, SOCK_STREAM | SOCK_NONBLOCK);
  int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  auto answer = constant_answer(s);
  add(epoll, listener);
  char request[16 * 1024];
  std::array<epoll_event, 128> events;
  for (;;) {
    int count = ::epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener && s.mode == "close")
        answer_and_close(listener, answer);
      else if (fd == listener)
        add(epoll, ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      else if (::recv(fd, request, sizeof(request), 0) > 0)
        ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      else
        ::close(fd);
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  settings s;
  s.address.sin_family = AF_INET;
  if (argc != 6 || ::inet_pton(AF_INET, argv[2], &s.address.sin_addr) != 1) {
    std::fputs("usage: limit_server udp|http|close ADDRESS PORT THREADS BYTES\n", stderr);
    return 2;
  }
  s.mode = argv[1];
  s.address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[3])));
  s.threads = static_cast<unsigned>(std::atoi(argv[4]));
  s.bytes = static_cast<size_t>(std::atol(argv[5]));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < s.threads; ++i)
    threads.emplace_back([&s] { s.mode == "udp" ? serve_udp(s) : serve_http(s); });
  for (auto& t : threads)
    t.join();
}
