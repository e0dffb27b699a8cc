// SPDX-License-Identifier: Apache-2.0
#include "http/exchange.hpp"

#include "core/limits.hpp"
#include "core/log.hpp"
#include "protocol/forwarded.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace shoal::http {

namespace {

/// Bytes that one visit to the disk pool may send, so that fast readers do not starve others.
constexpr uint64_t sendfile_bytes_max = 4 * 1024 * 1024;

/// What is read of a file at once when it has to be encrypted: by a thread that may wait for the
/// disk, or, if the page cache has it, by the one that encrypts it, whose processor's own cache has
/// it then.
constexpr size_t disk_piece_bytes = 256 * 1024;
constexpr size_t warm_piece_bytes = 64 * 1024;

/// After so many warm pieces one comes by way of the disk pool, so that other connections of this
/// thread have their turn.
constexpr int warm_pieces_at_once = 15;

/// Of a body that has not come yet.
constexpr uint64_t reserve_bytes_max = 64 * 1024;

struct progress {
  uint64_t sent = 0;
  bool would_block = false;
  bool failed = false;
};

/// Sends what the socket takes now. Runs on the disk pool because the file may have to be read.
progress send_some(int to, int from, uint64_t offset, uint64_t length) {
  progress p;
  auto position = static_cast<off_t>(offset);
  auto budget = std::min(length, sendfile_bytes_max);
  while (p.sent < budget) {
    auto n = ::sendfile(to, from, &position, budget - p.sent);
    if (n > 0) {
      p.sent += static_cast<uint64_t>(n);
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else {
      p.would_block = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      p.failed = !p.would_block; // n == 0: the file is shorter than it was.
      break;
    }
  }
  return p;
}

/// Never waits for the disk. @returns how many bytes were read; 0 or less: they are not in memory,
/// or this file system does not tell.
ssize_t read_from_memory(int from, std::string& into, uint64_t offset) {
  iovec where{into.data(), into.size()};
  return ::preadv2(from, &where, 1, static_cast<off_t>(offset), RWF_NOWAIT);
}

method to_method(beast::http::verb verb) {
  switch (verb) {
  case beast::http::verb::get:
    return method::get;
  case beast::http::verb::head:
    return method::head;
  case beast::http::verb::post:
    return method::post;
  case beast::http::verb::put:
    return method::put;
  case beast::http::verb::patch:
    return method::patch;
  case beast::http::verb::delete_:
    return method::del;
  case beast::http::verb::options:
    return method::options;
  default:
    return method::other;
  }
}

} // namespace

exchange::exchange(connection& conn, edge_port& port, websocket_hub& websockets, object_relay* far,
                   const services& srv)
    : conn_{conn}, port_{port}, websockets_{websockets}, far_{far}, srv_{srv} {
  auto& head = conn.head();
  verb_ = to_method(head.method());
  path_ = head.target();
  // "GET http://host/path": the form that proxies get. @source RFC 9112 3.2.2
  if (path_.starts_with("http://") || path_.starts_with("https://")) {
    auto slash = path_.find('/', path_.find("//") + 2);
    path_ = slash == std::string_view::npos ? std::string_view{"/"} : path_.substr(slash);
  }
  if (auto mark = path_.find('?'); mark != std::string_view::npos) {
    query_ = path_.substr(mark + 1);
    path_ = path_.substr(0, mark);
  }
  client_ = conn.peer().address;
  if (!srv.config.trusted_proxies.empty())
    client_ = forwarded_client();
}

ip_address exchange::forwarded_client() const {
  std::vector<std::string_view> headers;
  auto [first, last] = conn_.head().equal_range("X-Forwarded-For");
  for (auto i = first; i != last; ++i)
    headers.emplace_back(i->value());
  return real_address(conn_.peer().address, srv_.config.trusted_proxies, headers);
}

std::string_view exchange::header(std::string_view name) const {
  auto i = conn_.head().find(name);
  return i == conn_.head().end() ? std::string_view{} : std::string_view{i->value()};
}

const std::string& exchange::param(std::string_view name) const {
  static const std::string none;
  auto same = [&](auto& p) { return p.first == name; };
  auto i = std::find_if(params_.begin(), params_.end(), same);
  return i == params_.end() ? none : i->second;
}

std::string exchange::base_url() const {
  if (!config().public_url.empty())
    return config().public_url;
  auto host = header("Host");
  auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == ':'
           || c == '[' || c == ']';
  };
  std::string scheme = conn_.encrypted() ? "https://" : "http://";
  if (host.empty() || host.size() > 255 || !std::all_of(host.begin(), host.end(), plain))
    return scheme + "localhost";
  return scheme + std::string{host};
}

task<result<std::string>> exchange::read_body(size_t bytes_max) {
  auto known = conn_.body_length();
  if (known && *known > bytes_max) {
    conn_.close_after_exchange();
    co_return fail(ec::too_large, "the body has more than " + std::to_string(bytes_max) + " bytes");
  }
  std::string body;
  // What was only announced takes no memory yet.
  body.reserve(std::min<uint64_t>(known.value_or(0), reserve_bytes_max));
  std::array<uint8_t, 16 * 1024> chunk;
  for (;;) {
    auto n = co_await conn_.read_some(chunk);
    if (!n)
      co_return tl::unexpected{n.error()};
    if (*n == 0)
      co_return body;
    if (body.size() + *n > bytes_max) {
      conn_.close_after_exchange();
      co_return fail(ec::too_large,
                     "the body has more than " + std::to_string(bytes_max) + " bytes");
    }
    body.append(as_chars(std::span(chunk).first(*n)));
  }
}

task<std::optional<announce_reply>> exchange::announce(announce_request req, swarm_actor swarm) {
  auto start = [&](auto handler) {
    auto* waiter = new detail::announce_waiter<decltype(handler)>{std::move(handler)};
    port_.announce(std::move(req), swarm, *waiter, mono_now());
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>,
                                          void(std::optional<announce_reply>)>(start, use_task);
}

task<inquiry_outcome> exchange::inquire(info_hash swarm) {
  auto* inquiry = port_.inquiry();
  if (!inquiry)
    co_return inquiry_outcome::unregistered;
  if (!inquiry->has_room(swarm))
    co_return inquiry_outcome::unknown;
  auto start = [&](auto handler) {
    auto waiter = std::make_shared<decltype(handler)>(std::move(handler));
    inquiry->ask(swarm, [waiter](inquiry_outcome outcome) { (*waiter)(outcome); });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<executor>,
                                          void(inquiry_outcome)>(start, use_task);
}

task<> exchange::scrape(std::vector<scraped_swarm> swarms, std::span<swarm_numbers> numbers) {
  if (swarms.empty())
    co_return;
  auto start = [&](auto handler) {
    auto* waiter = new detail::scrape_waiter<decltype(handler)>{std::move(handler), numbers};
    port_.scrape(swarms, *waiter, mono_now());
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<executor>, void()>(start, use_task);
}

task<> exchange::send(response r) {
  answered_ = true;
  status_ = r.status;
  std::string head;
  // A body that nobody reads would be taken for the next request.
  if (conn_.has_body())
    conn_.close_after_exchange();
  append_head(head, r, r.body.size(), conn_.keep_alive());
  std::string_view body = verb_ == method::head ? std::string_view{} : std::string_view{r.body};
  auto sent = co_await conn_.write(head, body);
  if (!sent)
    conn_.close_after_exchange();
}

task<> exchange::send_raw(std::string_view bytes) {
  answered_ = true;
  status_ = 200;
  if (conn_.has_body())
    conn_.close_after_exchange();
  auto sent = co_await conn_.write(bytes);
  if (!sent)
    conn_.close_after_exchange();
}

task<bool> exchange::send_head(response& r, uint64_t length) {
  answered_ = true;
  status_ = r.status;
  std::string head;
  if (conn_.has_body())
    conn_.close_after_exchange();
  append_head(head, r, length, conn_.keep_alive());
  auto sent = co_await conn_.write(head);
  if (!sent)
    conn_.close_after_exchange();
  co_return sent&& verb_ != method::head;
}

task<uint64_t> exchange::await_turn(uint64_t bytes) {
  if (!paced_as_)
    co_return bytes;
  if (granted_bytes_ == 0) {
    granted_bytes_ = srv_.pacer->portion(bytes);
    auto wait = srv_.pacer->reserve(*paced_as_, granted_bytes_, mono_now());
    if (wait.count() > 0) {
      srv_.metrics.pauses.add();
      auto here = co_await asio::this_coro::executor;
      asio::steady_timer timer(here, wait);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(use_task, ignored));
    }
  }
  co_return std::min(bytes, granted_bytes_);
}

void exchange::count_sent(uint64_t bytes) {
  srv_.metrics.bytes_sent.add(bytes);
  granted_bytes_ -= std::min(granted_bytes_, bytes);
}

task<bool> exchange::send_piece(std::string_view bytes) {
  while (!bytes.empty()) {
    auto now = co_await await_turn(bytes.size());
    auto sent = co_await conn_.write(bytes.substr(0, now));
    if (!sent) {
      conn_.close_after_exchange();
      co_return false;
    }
    count_sent(now);
    bytes.remove_prefix(now);
  }
  co_return true;
}

task<> exchange::send_file(response head, object_body body) {
  auto going = co_await send_head(head, body.length);
  if (going)
    co_await send_file_piece(body);
}

task<bool> exchange::send_file_piece(object_body& body) {
  auto going = false;
  // What others can write is looked at between reading and sending, for which it must be copied.
  if (conn_.encrypted() || body.object.in_place)
    going = co_await send_file_encrypted(body);
  else
    going = co_await send_file_plain(body);
  if (!going)
    conn_.close_after_exchange();
  co_return going;
}

task<bool> exchange::send_file_plain(object_body& body) {
  while (body.length > 0) {
    auto to = conn_.native_handle();
    auto from = body.object.file.get();
    auto turn = co_await await_turn(body.length);
    auto work = [to, from, offset = body.offset, length = turn] {
      return send_some(to, from, offset, length);
    };
    auto step = co_await run_on(srv_.disk, work);
    body.offset += step.sent;
    body.length -= step.sent;
    count_sent(step.sent);
    auto alive = !step.failed;
    if (alive && step.would_block)
      alive = co_await conn_.writable();
    if (!alive)
      co_return false;
  }
  co_return true;
}

task<bool> exchange::send_file_encrypted(object_body& body) {
  std::string piece;
  auto warm_pieces = warm_pieces_at_once; // The first one comes from the disk, for all we know.
  while (body.length > 0) {
    auto turn = co_await await_turn(body.length);
    auto from = body.object.file.get();
    auto n = ssize_t{0};
    if (warm_pieces++ < warm_pieces_at_once) {
      piece.resize(std::min<uint64_t>(turn, warm_piece_bytes));
      n = read_from_memory(from, piece, body.offset);
    }
    if (n <= 0) {
      warm_pieces = 0;
      piece.resize(std::min<uint64_t>(turn, disk_piece_bytes));
      auto work = [&piece, from, offset = body.offset] {
        return ::pread(from, piece.data(), piece.size(), static_cast<off_t>(offset));
      };
      n = co_await run_on(srv_.disk, work);
    }
    if (n <= 0)
      co_return false; // The file is shorter than it was.
    if (!body.object.is_intact()) {
      log::error("http", "cuts off the answer: a file in place has changed path={}",
                 body.object.in_place->path);
      co_return false;
    }
    auto some = std::string_view(piece).substr(0, static_cast<size_t>(n));
    auto alive = co_await conn_.write(some);
    if (!alive)
      co_return false;
    body.offset += some.size();
    body.length -= some.size();
    count_sent(some.size());
  }
  co_return true;
}

task<> exchange::send_zeros(response head, uint64_t length) {
  static const std::string zeros(64 * 1024, '\0');
  auto going = co_await send_head(head, length);
  while (going && length > 0) {
    auto n = std::min<uint64_t>(length, zeros.size());
    auto some = std::string_view(zeros).substr(0, n);
    going = co_await conn_.write(some);
    length -= n;
  }
  if (!going && verb_ != method::head)
    conn_.close_after_exchange();
}

} // namespace shoal::http
