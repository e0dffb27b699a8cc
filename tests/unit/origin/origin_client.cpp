// SPDX-License-Identifier: Apache-2.0
// The client with an origin on a real socket.
#define CAF_SUITE origin.origin_client
#include "origin/origin_client.hpp"

#include <caf/test/unit_test.hpp>

#include <arpa/inet.h>
#include <condition_variable>
#include <future>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace shoal;
using namespace shoal::origin;

namespace {

constexpr size_t body_bytes = 1 << 20;

/// Answers each connection's first request with the same bytes.
class server {
public:
  server() : listener_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    CAF_REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0);
    CAF_REQUIRE(::listen(listener_, 16) == 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/x";
    thread_ = std::thread{[this] { run(); }};
  }

  ~server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& one : answering_)
      one.join();
    ::close(listener_);
  }

  std::string url;

private:
  void run() {
    for (;;) {
      auto socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0)
        return;
      answering_.emplace_back([socket] { answer(socket); });
    }
  }

  static void answer(int socket) {
    std::string request;
    char some[1024];
    while (request.find("\r\n\r\n") == std::string::npos) {
      auto n = ::recv(socket, some, sizeof(some), 0);
      if (n <= 0)
        break;
      request.append(some, static_cast<size_t>(n));
    }
    auto text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "
                + std::to_string(body_bytes) + "\r\n\r\n" + std::string(body_bytes, 'b');
    for (std::string_view left = text; !left.empty();) {
      auto n = ::send(socket, left.data(), left.size(), MSG_NOSIGNAL);
      if (n <= 0)
        break;
      left.remove_prefix(static_cast<size_t>(n));
    }
    ::close(socket);
  }

  int listener_;
  std::thread thread_;
  std::vector<std::thread> answering_; ///< Of `thread_`, until it has ended.
};

/// What several requests bring.
struct outcomes {
  std::mutex mutex;
  std::condition_variable changed;
  size_t bytes = 0;
  size_t good = 0;
  size_t over = 0;

  request ask(const std::string& url) {
    request made;
    made.url = url;
    made.on_body = [this](std::span<const uint8_t> some) -> result<void> {
      std::lock_guard guard{mutex};
      bytes += some.size();
      return {};
    };
    made.on_done = [this](auto how) {
      std::lock_guard guard{mutex};
      good += how ? 1 : 0;
      ++over;
      changed.notify_all();
    };
    return made;
  }

  void await(size_t count) {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return over >= count; });
  }
};

client_config config_with(uint64_t bytes_per_second) {
  client_config config;
  config.guard = *address_guard::make({"127.0.0.1"});
  config.bytes_per_second = bytes_per_second;
  return config;
}

} // namespace

CAF_TEST(bodies of one origin wait for its pace) {
  server origin;
  outcomes all;
  auto client = origin_client::start(config_with(2 * body_bytes));
  CAF_REQUIRE(client);
  for (int i = 0; i < 2; ++i)
    (*client)->ask(all.ask(origin.url));
  all.await(2);
  CAF_CHECK_EQUAL(all.good, 2u);
  CAF_CHECK_EQUAL(all.bytes, 2 * body_bytes);
}

CAF_TEST(pauses are counted and there are none without a limit) {
  for (uint64_t rate : {uint64_t{0}, uint64_t{4 * body_bytes}}) {
    server origin;
    outcomes all;
    auto client = origin_client::start(config_with(rate));
    CAF_REQUIRE(client);
    (*client)->ask(all.ask(origin.url));
    (*client)->ask(all.ask(origin.url));
    all.await(2);
    CAF_CHECK_EQUAL(all.good, 2u);
    CAF_CHECK_EQUAL((*client)->usage().pauses > 0, rate > 0);
  }
}

CAF_TEST(what whoever takes the bytes says of them is why it failed) {
  server origin;
  auto client = origin_client::start(config_with(0));
  CAF_REQUIRE(client);
  for (auto [said, kind] : {std::pair{ec::hash_mismatch, failure_kind::wrong},
                            std::pair{ec::conflict, failure_kind::changed},
                            std::pair{ec::storage_full, failure_kind::storage},
                            std::pair{ec::range_unsatisfiable, failure_kind::bad_answer}}) {
    request asked;
    asked.url = origin.url;
    asked.on_body = [said = said](auto) -> result<void> { return fail(said); };
    std::promise<failure> why;
    asked.on_done = [&](auto how) { why.set_value(how ? failure{} : how.error()); };
    (*client)->ask(std::move(asked));
    CAF_CHECK_EQUAL(name(why.get_future().get().kind), name(kind));
  }
}

CAF_TEST(a request that is paused can be cancelled) {
  server origin;
  outcomes all;
  auto client = origin_client::start(config_with(1000)); // A quarter of an hour for all of it.
  CAF_REQUIRE(client);
  auto ticket = (*client)->ask(all.ask(origin.url));
  while ((*client)->usage().paused == 0)
    std::this_thread::yield();
  (*client)->cancel(ticket);
  all.await(1);
  CAF_CHECK_EQUAL(all.good, 0u);
  CAF_CHECK(all.bytes < body_bytes);
}
