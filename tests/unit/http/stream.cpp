// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.stream

#include "http/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <caf/test/unit_test.hpp>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <optional>

using namespace shoal;
using namespace shoal::http;

namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;
using error_code = boost::system::error_code;

static_assert(beast::is_async_stream<stream>::value);

namespace {

/// A context of the server's side whose certificate is made on the spot.
ssl::context server_context() {
  ssl::context made{ssl::context::tls_server};
  auto* key = EVP_EC_gen("P-256");
  auto* cert = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_sign(cert, key, EVP_sha256());
  SSL_CTX_use_certificate(made.native_handle(), cert);
  SSL_CTX_use_PrivateKey(made.native_handle(), key);
  SSL_CTX_set_options(made.native_handle(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  X509_free(cert);
  EVP_PKEY_free(key);
  return made;
}

/// Two ends of one connection; ours is a `stream`, the other is Asio's own.
struct fixture {
  asio::io_context io;
  tcp_socket near{io.get_executor()};
  tcp_socket far{io.get_executor()};
  ssl::context tls = server_context();
  ssl::context client_tls{ssl::context::tls_client};

  fixture() {
    tcp_acceptor acceptor{io.get_executor(), {asio::ip::address_v4::loopback(), 0}};
    far.connect(acceptor.local_endpoint());
    acceptor.accept(near);
  }

  /// Runs until `finished` holds.
  template <class Predicate>
  bool run_until(Predicate finished) {
    for (int i = 0; i < 100'000 && !finished(); ++i) {
      io.restart();
      io.run_one();
    }
    return finished();
  }
};

struct outcome {
  std::optional<error_code> failed;
  size_t bytes = 0;

  auto setter() {
    return [this](error_code e, size_t n = 0) {
      failed = e;
      bytes = n;
    };
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(stream_tests, fixture)

CAF_TEST(plain bytes pass in both directions) {
  stream ours{std::move(near)};
  CAF_CHECK(!ours.encrypted());
  std::array<char, 16> in{};
  outcome read;
  outcome written;
  ours.async_read_some(asio::buffer(in), read.setter());
  asio::write(far, asio::buffer("ping", 4));
  CAF_REQUIRE(run_until([&] { return read.failed.has_value(); }));
  CAF_CHECK_EQUAL(std::string_view(in.data(), read.bytes), "ping");
  ours.async_write_some(asio::buffer("pong", 4), written.setter());
  CAF_REQUIRE(run_until([&] { return written.failed.has_value(); }));
  CAF_CHECK_EQUAL(asio::read(far, asio::buffer(in, 4)), 4u);
  CAF_CHECK_EQUAL(std::string_view(in.data(), 4), "pong");
}

CAF_TEST(megabytes pass encrypted and in pieces) {
  stream ours{std::move(near), *tls.native_handle()};
  CAF_CHECK(ours.encrypted());
  ssl::stream<tcp_socket> theirs{std::move(far), client_tls};
  outcome accepted;
  outcome connected;
  ours.async_handshake(accepted.setter());
  theirs.async_handshake(ssl::stream_base::client, connected.setter());
  CAF_REQUIRE(run_until([&] { return accepted.failed && connected.failed; }));
  CAF_REQUIRE(!*accepted.failed);
  CAF_REQUIRE(!*connected.failed);
  std::string head = "a small head before it: ";
  std::string body(5'000'000, 'x');
  for (size_t i = 0; i < body.size(); ++i)
    body[i] = static_cast<char>(i * 31 + i / 4096);
  std::array<asio::const_buffer, 2> gathered{asio::buffer(head), asio::buffer(body)};
  std::string got(head.size() + body.size(), '\0');
  outcome written;
  outcome read;
  asio::async_write(ours, gathered, written.setter());
  asio::async_read(theirs, asio::buffer(got), read.setter());
  CAF_REQUIRE(run_until([&] { return written.failed && read.failed; }));
  CAF_CHECK_EQUAL(written.bytes, got.size());
  CAF_CHECK(got == head + body);
  CAF_MESSAGE("and back, while nothing else is going on");
  std::string echo(body.size(), '\0');
  written = {};
  read = {};
  asio::async_write(theirs, asio::buffer(body), written.setter());
  asio::async_read(ours, asio::buffer(echo), read.setter());
  CAF_REQUIRE(run_until([&] { return written.failed && read.failed; }));
  CAF_CHECK(echo == body);
}

CAF_TEST(the end of the other side is an end of file) {
  stream ours{std::move(near), *tls.native_handle()};
  ssl::stream<tcp_socket> theirs{std::move(far), client_tls};
  outcome accepted;
  outcome connected;
  ours.async_handshake(accepted.setter());
  theirs.async_handshake(ssl::stream_base::client, connected.setter());
  CAF_REQUIRE(run_until([&] { return accepted.failed && connected.failed; }));
  std::array<char, 16> in{};
  outcome read;
  ours.async_read_some(asio::buffer(in), read.setter());
  error_code ignored;
  theirs.next_layer().shutdown(tcp_socket::shutdown_send, ignored);
  CAF_REQUIRE(run_until([&] { return read.failed.has_value(); }));
  CAF_CHECK_EQUAL(*read.failed, error_code{asio::error::eof});
}

CAF_TEST(garbage instead of a handshake fails) {
  stream ours{std::move(near), *tls.native_handle()};
  outcome accepted;
  ours.async_handshake(accepted.setter());
  asio::write(far, asio::buffer("GET / HTTP/1.1\r\n\r\n", 18));
  CAF_REQUIRE(run_until([&] { return accepted.failed.has_value(); }));
  CAF_CHECK(*accepted.failed);
}

CAF_TEST(a WebSocket runs on top and says goodbye) {
  beast::websocket::stream<stream> ours{stream{std::move(near), *tls.native_handle()}};
  beast::websocket::stream<ssl::stream<tcp_socket>> theirs{std::move(far), client_tls};
  outcome step[6];
  ours.next_layer().async_handshake(step[0].setter());
  theirs.next_layer().async_handshake(ssl::stream_base::client, step[1].setter());
  CAF_REQUIRE(run_until([&] { return step[0].failed && step[1].failed; }));
  ours.async_accept(step[2].setter());
  theirs.async_handshake("localhost", "/", step[3].setter());
  CAF_REQUIRE(run_until([&] { return step[2].failed && step[3].failed; }));
  CAF_REQUIRE(!*step[2].failed);
  CAF_REQUIRE(!*step[3].failed);
  beast::flat_buffer in;
  ours.async_read(in, step[4].setter());
  theirs.async_write(asio::buffer("offer", 5), step[5].setter());
  CAF_REQUIRE(run_until([&] { return step[4].failed && step[5].failed; }));
  CAF_CHECK_EQUAL(beast::buffers_to_string(in.data()), "offer");
  step[4] = step[5] = {};
  theirs.async_read(in, step[5].setter());
  ours.async_close(beast::websocket::close_code::normal, step[4].setter());
  CAF_REQUIRE(run_until([&] { return step[4].failed && step[5].failed; }));
  CAF_CHECK(!*step[4].failed);
  CAF_CHECK_EQUAL(*step[5].failed, error_code{beast::websocket::error::closed});
}

CAF_TEST_FIXTURE_SCOPE_END()
