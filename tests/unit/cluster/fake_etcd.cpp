// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cluster/support/fake_etcd.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace shoal::test {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;

struct fake_etcd::session : std::enable_shared_from_this<session> {
  session(fake_etcd& s, tcp::socket c, asio::io_context& io)
      : server{&s}, socket{std::move(c)}, turn{io} {}

  void read() {
    socket.async_read_some(asio::buffer(block),
                           [self = shared_from_this()](error_code why, size_t n) {
                             if (why || !self->server)
                               return;
                             if (self->server->reset_early_)
                               return self->end(reply::end::reset);
                             self->in.append(self->block.data(), n);
                             self->next();
                           });
  }

  /// Answers one request if it is whole.
  void next() {
    auto head = in.find("\r\n\r\n");
    constexpr std::string_view field = "Content-Length: ";
    size_t length = 0;
    if (head != std::string::npos) {
      auto* from = in.data() + in.find(field) + field.size();
      std::from_chars(from, in.data() + head, length);
    }
    if (head == std::string::npos || in.size() < head + 4 + length)
      return read();
    auto path = in.substr(5, in.find(' ', 5) - 5);
    server->requests_.push_back({path, in.substr(0, head), in.substr(head + 4, length)});
    in.erase(0, head + 4 + length);
    out = server->script_(server->requests_.back());
    write(0);
  }

  void write(size_t at) {
    if (at == out.pieces.size())
      return out.then == reply::end::keep ? read() : end(out.then);
    asio::async_write(socket, asio::buffer(out.pieces[at]),
                      [self = shared_from_this(), at](error_code why, size_t) {
                        if (!why)
                          self->write_after_a_turn(at + 1);
                      });
  }

  /// So that the client can read what was sent before more comes.
  void write_after_a_turn(size_t at) {
    turn.expires_after({});
    turn.async_wait([self = shared_from_this(), at](error_code why) {
      if (!why && self->server)
        self->write(at);
    });
  }

  void end(reply::end how) {
    error_code ignored;
    if (how == reply::end::reset)
      socket.set_option(asio::socket_base::linger{true, 0}, ignored);
    turn.cancel();
    socket.close(ignored);
  }

  fake_etcd* server;
  tcp::socket socket;
  asio::steady_timer turn;
  std::array<char, 4096> block;
  std::string in;
  reply out;
};

fake_etcd::fake_etcd(asio::io_context& io, script what)
    : io_{io}, acceptor_{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}, script_{std::move(
                                                                                      what)} {
  accept();
}

fake_etcd::~fake_etcd() {
  drop_all();
}

void fake_etcd::accept() {
  acceptor_.async_accept([this](error_code why, tcp::socket client) {
    if (why)
      return;
    ++accepted_;
    auto made = std::make_shared<session>(*this, std::move(client), io_);
    sessions_.push_back(made);
    made->read();
    accept();
  });
}

std::string fake_etcd::url() const {
  return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

void fake_etcd::drop_all() {
  for (auto& each : sessions_) {
    if (auto alive = each.lock()) {
      alive->end(reply::end::close);
      alive->server = nullptr;
    }
  }
  sessions_.clear();
}

void fake_etcd::stop_listening() {
  acceptor_.close();
}

size_t fake_etcd::open() const {
  return static_cast<size_t>(std::count_if(sessions_.begin(), sessions_.end(), [](auto& each) {
    auto alive = each.lock();
    return alive && alive->socket.is_open();
  }));
}

fake_etcd::reply status(int code, const std::string& json) {
  return {{"HTTP/1.1 " + std::to_string(code)
           + " X\r\nContent-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json}};
}

fake_etcd::reply ok(const std::string& json) {
  return status(200, json);
}

std::string chunked_head() {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
}

std::string chunk(const std::string& text) {
  std::array<char, 16> size;
  auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
  return std::string(size.data(), end) + "\r\n" + text + "\r\n";
}

} // namespace shoal::test
