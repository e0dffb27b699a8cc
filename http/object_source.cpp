// SPDX-License-Identifier: Apache-2.0
#include "http/object_source.hpp"

#include "cluster/link_stream.hpp"
#include "core/defaults.hpp"
#include "protocol/byte_range.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <netinet/tcp.h>

namespace shoal::http {

namespace bhttp = boost::beast::http;

namespace {

constexpr size_t head_bytes_max = 4096;
constexpr size_t head_read_bytes = 1024;

using head_parser = bhttp::response_parser<bhttp::empty_body>;

/// A host that is gone without a word is noticed though it may take its time with the bytes.
void watch_host(tcp_socket& socket) {
  using asio::detail::socket_option::integer;
  boost::system::error_code ignored; // Then the stall ends it.
  socket.set_option(asio::socket_base::keep_alive{true}, ignored);
  socket.set_option(integer<IPPROTO_TCP, TCP_KEEPIDLE>{4}, ignored);
  socket.set_option(integer<IPPROTO_TCP, TCP_KEEPINTVL>{2}, ignored);
  socket.set_option(integer<IPPROTO_TCP, TCP_KEEPCNT>{3}, ignored);
}

ec code_named(std::string_view text) {
  for (uint8_t i = 1; i < static_cast<uint8_t>(ec::ec_sentinel_); ++i)
    if (name(static_cast<ec>(i)) == text)
      return static_cast<ec>(i);
  return ec::unavailable;
}

/// @returns the reason that a node gives for not giving what it was asked for.
std::optional<error> refusal_in(const head_parser& parser) {
  auto& head = parser.get();
  if (auto said = head.find(std::string{bulk_error_header}); said != head.end())
    return error{code_named(said->value()), {}};
  if (head.result() == bhttp::status::not_found)
    return error{ec::not_found, {}};
  return std::nullopt;
}

/// @returns whether what follows is exactly the part.
result<void> check_head(const head_parser& parser, const bulk_request& what) {
  auto& head = parser.get();
  byte_range range{what.offset, what.offset + what.length - 1};
  auto length = parser.content_length();
  if (head.result() != bhttp::status::partial_content || !length || *length != what.length
      || std::string_view{head[bhttp::field::content_range]}
             != content_range(range, what.size_bytes))
    return fail(ec::unavailable, fmt::format("an unexpected answer, status {}", head.result_int()));
  return {};
}

} // namespace

bulk_request request_for(const object_part& part) {
  return {"/objects/" + part.object.hex(), part.size_bytes, part.offset, part.length};
}

object_source::object_source(asio::io_context& io, source_set& all, const object_place& where)
    : all_{all}, node_{where.node}, address_{where.address}, resolver_{io.get_executor()},
      stream_{tcp_socket{io.get_executor()}}, buffer_{head_bytes_max + head_read_bytes} {
  all_.insert(this);
}

object_source::~object_source() {
  all_.erase(this);
}

void object_source::wait(std::chrono::milliseconds patience) {
  waiting_ = true;
  deadline_ = mono_now() + patience;
}

result<void> object_source::over(const error_code& failed) {
  waiting_ = false;
  if (failed && cut_)
    return fail(ec::timeout, node_ + " says nothing");
  return failed ? fail(ec::unavailable, node_ + ": " + failed.message()) : result<void>{};
}

void object_source::cut() {
  cut_ = true;
  error_code ignored;
  resolver_.cancel();
  auto& socket = stream_.next_layer();
  socket.shutdown(tcp_socket::shutdown_both, ignored);
  socket.cancel(ignored);
}

task<result<std::vector<asio::ip::tcp::endpoint>>> object_source::resolve() {
  using all = std::vector<asio::ip::tcp::endpoint>;
  auto [host, port] = cluster::split_address(address_);
  if (host.empty())
    co_return fail(ec::unavailable, "no address: " + address_);
  error_code failed;
  auto ip = asio::ip::make_address(host, failed);
  all made;
  if (!failed) { // No need for the resolver, whose one thread others may keep busy.
    made.emplace_back(ip, static_cast<uint16_t>(std::stoul(port)));
    co_return made;
  }
  wait(defaults::object_source_patience);
  auto found = co_await resolver_.async_resolve(host, port, asio::redirect_error(use_task, failed));
  if (auto resolved = over(failed); !resolved)
    co_return tl::unexpected{resolved.error()};
  for (auto& one : found)
    made.push_back(one.endpoint());
  co_return made;
}

task<result<void>> object_source::open_socket() {
  auto found = co_await resolve();
  if (!found)
    co_return tl::unexpected{found.error()};
  error_code failed = asio::error::host_not_found;
  for (auto& one : *found) {
    auto& socket = stream_.next_layer();
    error_code ignored;
    socket.close(ignored);
    wait(defaults::object_source_patience);
    co_await socket.async_connect(one, asio::redirect_error(use_task, failed));
    waiting_ = false;
    if (!failed)
      break;
  }
  if (!failed)
    stream_.next_layer().set_option(asio::ip::tcp::no_delay{true}, failed);
  if (!failed)
    watch_host(stream_.next_layer());
  co_return over(failed);
}

task<result<void>> object_source::connect(cluster::link_context context) {
  auto opened = co_await open_socket();
  if (!opened || !context)
    co_return opened;
  stream_ = stream{std::move(stream_.next_layer()), *context->native_handle()};
  error_code failed;
  wait(defaults::object_source_patience);
  co_await stream_.async_connect_tls(asio::redirect_error(use_task, failed));
  if (auto agreed = over(failed); !agreed)
    co_return agreed;
  auto names = cluster::other_certificate(stream_.tls()).names;
  if (std::find(names.begin(), names.end(), node_) == names.end())
    co_return fail(ec::unauthorized, address_ + " has no certificate of " + node_);
  co_return result<void>{};
}

task<result<void>> object_source::send(std::string_view bytes) {
  while (!bytes.empty()) {
    error_code failed;
    wait(defaults::object_source_patience);
    auto piece = asio::buffer(bytes);
    auto n = co_await stream_.async_write_some(piece, asio::redirect_error(use_task, failed));
    if (auto sent = over(failed); !sent)
      co_return sent;
    bytes.remove_prefix(n);
  }
  co_return result<void>{};
}

task<result<void>> object_source::read_head(const bulk_request& what) {
  head_parser parser;
  parser.header_limit(head_bytes_max);
  parser.body_limit(UINT64_MAX);
  parser.eager(false);
  while (!parser.is_header_done()) {
    error_code failed;
    wait(stall_);
    auto room = buffer_.prepare(std::min(head_read_bytes, buffer_.max_size() - buffer_.size()));
    auto n = co_await stream_.async_read_some(room, asio::redirect_error(use_task, failed));
    if (auto got = over(failed); !got)
      co_return got;
    buffer_.commit(n);
    buffer_.consume(parser.put(buffer_.data(), failed));
    if (failed && failed != bhttp::error::need_more)
      co_return fail(ec::unavailable, node_ + ": " + failed.message());
  }
  auto refusal = refusal_in(parser);
  refused_ = refusal.has_value();
  if (refusal)
    co_return tl::unexpected{std::move(*refusal)};
  auto agreed = check_head(parser, what);
  keep_alive_ = agreed && parser.keep_alive();
  co_return agreed;
}

task<result<void>> object_source::ask(bulk_request what) {
  keep_alive_ = false;
  refused_ = false;
  stall_ = what.stall;
  auto text = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nRange: bytes={}-{}\r\n\r\n", what.target,
                          node_, what.offset, what.offset + what.length - 1);
  auto sent = co_await send(text);
  if (!sent)
    co_return sent;
  auto agreed = co_await read_head(what);
  if (agreed)
    left_ = what.length;
  co_return agreed;
}

task<result<size_t>> object_source::read_some(std::span<char> out) {
  auto most = std::min<uint64_t>(out.size(), left_);
  size_t n = 0;
  if (buffer_.size() > 0) {
    n = asio::buffer_copy(asio::buffer(out.data(), most), buffer_.data());
    buffer_.consume(n);
  } else {
    error_code failed;
    wait(stall_);
    auto room = asio::buffer(out.data(), most);
    n = co_await stream_.async_read_some(room, asio::redirect_error(use_task, failed));
    if (auto got = over(failed); !got)
      co_return tl::unexpected{got.error()};
  }
  left_ -= n;
  co_return n;
}

} // namespace shoal::http
