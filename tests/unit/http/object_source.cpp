// SPDX-License-Identifier: Apache-2.0
// What a node makes of the answers of others, whatever they say.
#define CAF_SUITE http.object_source

#include "http/object_source.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;

namespace {

const std::string good = "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n"
                         "Content-Range: bytes 10-14/100\r\n\r\n";

struct fixture {
  asio::io_context io;
  tcp_acceptor acceptor{io.get_executor(), {asio::ip::address_v4::loopback(), 0}};
  source_set all;
  object_part part{{}, 100, 10, 5};
  std::vector<std::string> answers; ///< Of the other node, to one connection.
  std::string asked;                ///< Its first request.
  bool stays_open = false;

  object_place place() const {
    auto port = acceptor.local_endpoint().port();
    return {100, "127.0.0.1:" + std::to_string(port), "", "b"};
  }

  task<> other_node() {
    auto socket = co_await acceptor.async_accept(use_task);
    for (auto& answer : answers) {
      std::string request;
      auto into = asio::dynamic_buffer(request);
      boost::system::error_code failed;
      co_await asio::async_read_until(socket, into, "\r\n\r\n",
                                      asio::redirect_error(use_task, failed));
      if (asked.empty())
        asked = request;
      auto bytes = asio::buffer(answer);
      co_await asio::async_write(socket, bytes, asio::redirect_error(use_task, failed));
    }
    if (!stays_open)
      co_return;
    std::array<char, 16> nothing;
    auto room = asio::buffer(nothing);
    boost::system::error_code failed;
    co_await socket.async_read_some(room, asio::redirect_error(use_task, failed));
  }

  static task<result<std::string>> read_all(object_source& source) {
    std::string got;
    std::array<char, 3> some;
    for (;;) {
      auto n = co_await source.read_some(some);
      if (!n)
        co_return tl::unexpected{n.error()};
      got.append(some.data(), *n);
      if (got.size() >= 5)
        co_return got;
    }
  }

  task<result<std::string>> fetch(object_source& source) {
    auto asked_for = co_await source.ask(part);
    if (!asked_for)
      co_return tl::unexpected{asked_for.error()};
    auto got = co_await read_all(source);
    co_return got;
  }

  /// Runs a task to its end.
  template <class T>
  T run(task<T> what) {
    std::optional<T> outcome;
    asio::co_spawn(io.get_executor(), std::move(what), [&](std::exception_ptr failed, T made) {
      CAF_CHECK(!failed);
      outcome.emplace(std::move(made));
    });
    io.restart();
    while (!outcome && io.run_one() > 0) {
    }
    CAF_REQUIRE(outcome);
    return std::move(*outcome);
  }

  void begin() {
    asio::co_spawn(io.get_executor(), other_node(), [](std::exception_ptr) {});
  }

  std::string bytes_of(object_source& source) {
    auto made = run(fetch(source));
    return made ? *made : to_string(made.error());
  }

  /// What comes of one answer.
  result<std::string> got(std::string answer) {
    answers = {std::move(answer)};
    begin();
    object_source source{io, all, place()};
    CAF_REQUIRE(run(source.connect(nullptr)));
    return run(fetch(source));
  }

  ec refusal(std::string answer) {
    auto made = got(std::move(answer));
    return made ? ec::ec_sentinel_ : made.error().code;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(object_source_tests, fixture)

CAF_TEST(the bytes that were asked for come) {
  auto made = got(good + "hello");
  CAF_REQUIRE(made);
  CAF_CHECK_EQUAL(*made, "hello");
  CAF_CHECK(asked.starts_with("GET /objects/" + std::string(64, '0') + " HTTP/1.1\r\n"));
  CAF_CHECK(asked.find("Range: bytes=10-14\r\n") != std::string::npos);
  CAF_CHECK(all.empty());
}

CAF_TEST(a connection is used again) {
  answers = {good + "hello", good + "world"};
  begin();
  object_source source{io, all, place()};
  CAF_CHECK_EQUAL(all.size(), 1u);
  CAF_REQUIRE(run(source.connect(nullptr)));
  CAF_CHECK_EQUAL(bytes_of(source), "hello");
  CAF_CHECK(source.reusable());
  CAF_CHECK_EQUAL(bytes_of(source), "world");
}

CAF_TEST(more than was asked for spoils the connection) {
  answers = {good + "hello!"};
  begin();
  object_source source{io, all, place()};
  CAF_REQUIRE(run(source.connect(nullptr)));
  CAF_CHECK_EQUAL(bytes_of(source), "hello");
  CAF_CHECK(!source.reusable());
}

CAF_TEST(other bytes than those are no answer) {
  CAF_CHECK_EQUAL(refusal("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), ec::not_found);
  for (auto* answer : {
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
           "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 10-14/100\r\n\r\nhello",
           "HTTP/1.1 206 X\r\nContent-Length: 6\r\nContent-Range: bytes 10-14/100\r\n\r\nhello!",
           "HTTP/1.1 206 X\r\nContent-Length: 5\r\nContent-Range: bytes 11-15/100\r\n\r\nhello",
           "HTTP/1.1 206 X\r\nContent-Length: 5\r\nContent-Range: bytes 10-14/101\r\n\r\nhello",
           "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
           "nonsense\r\n\r\n",
           "",
       })
    CAF_CHECK_EQUAL(refusal(answer), ec::unavailable);
}

CAF_TEST(a node may say why it gives nothing) {
  auto said = [](std::string_view name) {
    return "HTTP/1.1 503 No\r\nContent-Length: 0\r\nX-Shoal-Error: " + std::string{name}
           + "\r\n\r\n";
  };
  for (auto code : {ec::storage_full, ec::timeout, ec::unauthorized, ec::unavailable}) {
    answers = {said(name(code))};
    begin();
    object_source source{io, all, place()};
    CAF_REQUIRE(run(source.connect(nullptr)));
    auto made = run(fetch(source));
    CAF_REQUIRE(!made);
    CAF_CHECK(made.error().code == code);
    CAF_CHECK(source.has_refused());
    CAF_CHECK(!source.reusable());
  }
  CAF_CHECK_EQUAL(refusal(said("nonsense")), ec::unavailable);
  answers = {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"};
  begin();
  object_source silent{io, all, place()};
  CAF_REQUIRE(run(silent.connect(nullptr)));
  CAF_CHECK(!run(fetch(silent)));
  CAF_CHECK(!silent.has_refused());
}

CAF_TEST(a head without end is given up) {
  CAF_CHECK_EQUAL(refusal("HTTP/1.1 206 X\r\nA: " + std::string(10'000, 'x')), ec::unavailable);
}

CAF_TEST(a connection that ends too early is an error) {
  CAF_CHECK_EQUAL(refusal(good + "hel"), ec::unavailable);
}

CAF_TEST(a node that says nothing is overdue and can be cut) {
  answers = {good + "hel"};
  stays_open = true;
  begin();
  object_source source{io, all, place()};
  CAF_REQUIRE(run(source.connect(nullptr)));
  std::optional<result<std::string>> outcome;
  asio::co_spawn(io.get_executor(), fetch(source),
                 [&](std::exception_ptr, result<std::string> made) { outcome = std::move(made); });
  io.restart();
  while (!outcome && io.poll() > 0) {
  }
  for (int i = 0; i < 1000 && !source.overdue(mono_time::max()); ++i)
    io.run_one_for(std::chrono::milliseconds{1});
  CAF_CHECK(!source.overdue(mono_now()));
  CAF_CHECK(source.overdue(mono_time::max()));
  source.cut();
  while (!outcome && io.run_one() > 0) {
  }
  CAF_REQUIRE(outcome);
  CAF_CHECK(!*outcome);
}

CAF_TEST(nobody may be there) {
  auto where = place();
  acceptor.close();
  object_source source{io, all, where};
  CAF_CHECK(!run(source.connect(nullptr)));
  where.address = "nonsense";
  object_source lost{io, all, where};
  CAF_CHECK(!run(lost.connect(nullptr)));
}

CAF_TEST_FIXTURE_SCOPE_END()
