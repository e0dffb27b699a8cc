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

namespace shoal::http {

namespace bhttp = boost::beast::http;

namespace {

constexpr size_t head_bytes_max = 4096;
constexpr size_t head_read_bytes = 1024;

using head_parser = bhttp::response_parser<bhttp::empty_body>;

/// @returns whether what follows is exactly the part.
result<void> check_head(const head_parser& parser, const object_part& part) {
  auto& head = parser.get();
  if (head.result() == bhttp::status::not_found)
    return fail(ec::not_found);
  auto first = part.offset;
  byte_range range{first, first + part.length - 1};
  auto length = parser.content_length();
  if (head.result() != bhttp::status::partial_content || !length || *length != part.length
      || std::string_view{head[bhttp::field::content_range]}
             != content_range(range, part.size_bytes))
    return fail(ec::unavailable, fmt::format("an unexpected answer, status {}", head.result_int()));
  return {};
}

} // namespace

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
  return failed ? fail(ec::unavailable, node_ + ": " + failed.message()) : result<void>{};
}

void object_source::cut() {
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

task<result<void>> object_source::read_head(const object_part& part) {
  head_parser parser;
  parser.header_limit(head_bytes_max);
  parser.body_limit(UINT64_MAX);
  parser.eager(false);
  while (!parser.is_header_done()) {
    error_code failed;
    wait(defaults::object_source_stall);
    auto room = buffer_.prepare(std::min(head_read_bytes, buffer_.max_size() - buffer_.size()));
    auto n = co_await stream_.async_read_some(room, asio::redirect_error(use_task, failed));
    if (auto got = over(failed); !got)
      co_return got;
    buffer_.commit(n);
    buffer_.consume(parser.put(buffer_.data(), failed));
    if (failed && failed != bhttp::error::need_more)
      co_return fail(ec::unavailable, node_ + ": " + failed.message());
  }
  keep_alive_ = parser.keep_alive();
  co_return check_head(parser, part);
}

task<result<void>> object_source::ask(object_part part) {
  keep_alive_ = false;
  auto text = fmt::format("GET /objects/{} HTTP/1.1\r\nHost: {}\r\nRange: bytes={}-{}\r\n\r\n",
                          part.object.hex(), node_, part.offset, part.offset + part.length - 1);
  auto sent = co_await send(text);
  if (!sent)
    co_return sent;
  auto agreed = co_await read_head(part);
  if (agreed)
    left_ = part.length;
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
    wait(defaults::object_source_stall);
    auto room = asio::buffer(out.data(), most);
    n = co_await stream_.async_read_some(room, asio::redirect_error(use_task, failed));
    if (auto got = over(failed); !got)
      co_return tl::unexpected{got.error()};
  }
  left_ -= n;
  co_return n;
}

} // namespace shoal::http
