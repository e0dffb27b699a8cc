// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_stream.hpp"

#include "core/limits.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

#include <algorithm>
#include <charconv>

namespace shoal::cluster {

namespace {

using tcp = asio::ip::tcp;

uint16_t port_of(const std::string& text) {
  uint16_t port = 0;
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), port);
  return wrong == std::errc{} && end == text.data() + text.size() ? port : 0;
}

} // namespace

std::pair<std::string, std::string> split_address(const std::string& text) {
  auto colon = text.rfind(':');
  if (colon == std::string::npos || port_of(text.substr(colon + 1)) == 0)
    return {};
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return {};
  return {host, text.substr(colon + 1)};
}

link_stream::link_stream(tcp::socket socket, link_context tls)
    : resolver_{socket.get_executor()}, socket_{std::move(socket)}, timer_{socket_.get_executor()},
      context_{std::move(tls)} {
  if (context_)
    tls_.emplace(socket_, *context_);
}

void link_stream::dial(const std::string& address, patience how, opened then) {
  auto [host, port] = split_address(address);
  if (host.empty())
    return asio::post(socket_.get_executor(), [then = std::move(then)] {
      then(asio::error::make_error_code(asio::error::invalid_argument));
    });
  error_code is_name;
  auto ip = asio::ip::make_address(host, is_name);
  if (!is_name) { // No need for the resolver, whose one thread others may keep busy.
    return dial(std::vector{tcp::endpoint{ip, port_of(port)}}, how, std::move(then));
  }
  resolver_.async_resolve(
      host, port, [this, how, then = std::move(then)](const error_code& why, auto found) mutable {
        if (why)
          return then(why);
        std::vector<tcp::endpoint> all;
        for (auto& one : found)
          all.push_back(one.endpoint());
        dial(std::move(all), how, std::move(then));
      });
}

void link_stream::dial(std::vector<tcp::endpoint> all, patience how, opened then) {
  if (!context_)
    std::erase_if(all, [](auto& x) { return !x.address().is_loopback(); });
  if (all.empty())
    return asio::post(socket_.get_executor(), [then = std::move(then)] {
      then(asio::error::make_error_code(asio::error::host_not_found));
    });
  std::rotate(all.begin(), all.begin() + static_cast<ptrdiff_t>(how.turn % all.size()), all.end());
  all.resize(std::min(all.size(), limits::link_names_tried_max));
  left_.assign(all.rbegin(), all.rend());
  dial_until_ = mono_now() + how.whole;
  connect_next(std::make_shared<opened>(std::move(then)));
}

void link_stream::connect_next(std::shared_ptr<opened> then) {
  auto there = left_.back();
  auto part = (dial_until_ - mono_now()) / static_cast<int64_t>(left_.size());
  auto round = ++round_;
  left_.pop_back();
  if (!left_.empty()) {
    timer_.expires_after(part);
    timer_.async_wait([this, then, round](const error_code& cancelled) {
      if (!cancelled && round == round_)
        socket_.cancel();
    });
  }
  socket_.async_connect(there, [this, then](const error_code& why) {
    ++round_;
    timer_.cancel();
    if (!why)
      return shake_hands(asio::ssl::stream_base::client, std::move(*then));
    if (closed_ || left_.empty())
      return (*then)(why);
    error_code ignored;
    socket_.close(ignored);
    connect_next(then);
  });
}

void link_stream::accept(opened then) {
  shake_hands(asio::ssl::stream_base::server, std::move(then));
}

void link_stream::shake_hands(asio::ssl::stream_base::handshake_type side, opened then) {
  error_code ignored;
  socket_.set_option(tcp::no_delay{true}, ignored);
  if (tls_)
    tls_->async_handshake(side, std::move(then));
  else
    asio::post(socket_.get_executor(), [then = std::move(then)] { then({}); });
}

void link_stream::read_some(asio::mutable_buffer into, moved then) {
  if (tls_)
    tls_->async_read_some(into, std::move(then));
  else
    socket_.async_read_some(into, std::move(then));
}

void link_stream::write(asio::const_buffer what, moved then) {
  if (tls_)
    asio::async_write(*tls_, what, std::move(then));
  else
    asio::async_write(socket_, what, std::move(then));
}

void link_stream::end_writing() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void link_stream::close() {
  closed_ = true;
  timer_.cancel();
  resolver_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

link_certificate link_stream::certificate() {
  return tls_ ? other_certificate(tls_->native_handle()) : link_certificate{};
}

std::string link_stream::complaint(const error_code& why) {
  auto text = why.message();
  if (!tls_ || why.category() != asio::error::get_ssl_category())
    return text;
  auto verdict = SSL_get_verify_result(tls_->native_handle());
  if (verdict != X509_V_OK)
    text += std::string{": "} + X509_verify_cert_error_string(verdict);
  return text;
}

} // namespace shoal::cluster
