// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/etcd_config.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shoal::test {

/// A server on loopback that answers as badly as its script wants.
class fake_etcd {
public:
  struct request {
    std::string path;
    std::string head;
    std::string body;
  };

  struct reply {
    std::vector<std::string> pieces; ///< Bytes, sent one after the other.
    enum class end : uint8_t { keep, close, reset } then = end::keep;
  };

  using script = std::function<reply(const request&)>;

  fake_etcd(boost::asio::io_context& io, script what);
  ~fake_etcd();

  std::string url() const;

  /// Closes what is open, as a member does that is killed.
  void drop_all();

  /// Nobody listens any more, connections that are open stay.
  void stop_listening();

  /// Resets whoever connects, as soon as the first bytes have come.
  void reset_early() { reset_early_ = true; }

  size_t accepted() const { return accepted_; }
  size_t open() const;
  const std::vector<request>& requests() const { return requests_; }

private:
  struct session;

  void accept();

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  script script_;
  std::vector<std::weak_ptr<session>> sessions_;
  std::vector<request> requests_;
  size_t accepted_ = 0;
  bool reset_early_ = false;
};

/// A whole answer of status 200.
fake_etcd::reply ok(const std::string& json);

fake_etcd::reply status(int code, const std::string& json);

/// The head of an answer in chunks.
std::string chunked_head();
std::string chunk(const std::string& text);

} // namespace shoal::test
