// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_connection.hpp"

#include "core/limits.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace shoal::coordination {

namespace http = boost::beast::http;

namespace {

constexpr size_t read_bytes = 32 * 1024;

/// What stands unparsed can only be a header, a chunk's size or a trailer.
constexpr size_t unparsed_bytes_max = 64 * 1024;

} // namespace

etcd_connection::etcd_connection(asio::io_context& io, asio::ssl::context& tls,
                                 const etcd_endpoint& to)
    : io_{io}, to_{to}, stream_{io, to.tls ? &tls : nullptr}, timer_{io} {}

void etcd_connection::open(std::chrono::milliseconds patience, opened then) {
  opened_ = std::move(then);
  timer_.expires_after(patience);
  timer_.async_wait([self = shared_from_this()](const error_code& why) {
    if (!why)
      self->end_opening(
          error{ec::unavailable, "no connection to " + self->to_.authority() + " in time"});
  });
  stream_.open(to_, [self = shared_from_this()](const error_code& why) {
    if (!why)
      return self->end_opening(std::nullopt);
    self->end_opening(error{ec::unavailable, "no connection to " + self->to_.authority() + ": "
                                                 + self->stream_.complaint(why)});
  });
}

void etcd_connection::end_opening(std::optional<error> why) {
  auto then = std::exchange(opened_, nullptr);
  if (!then)
    return;
  timer_.cancel();
  if (why)
    close();
  else
    reusable_ = true;
  then(std::move(why));
}

std::string etcd_connection::text_of(const etcd_request& request) const {
  std::string out = "POST ";
  out.reserve(256 + request.body.size() + request.token.size());
  out += request.path;
  out += " HTTP/1.1\r\nHost: ";
  out += to_.authority();
  // A member without a leader says so at once instead of keeping the request for seconds.
  out += "\r\nContent-Type: application/json\r\nGrpc-Metadata-hasleader: true\r\n";
  if (!request.token.empty()) {
    out += "Authorization: ";
    out += request.token;
    out += "\r\n";
  }
  out += "Content-Length: ";
  out += std::to_string(request.body.size());
  out += "\r\n\r\n";
  return out += request.body;
}

void etcd_connection::ask(const etcd_request& request, answered then) {
  ask(request, nullptr, std::move(then));
}

void etcd_connection::ask(const etcd_request& request, text_taker text, answered then) {
  SHOAL_CHECK(!answered_ && !closed_);
  answered_ = std::move(then);
  text_ = std::move(text);
  out_ = text_of(request);
  reusable_ = false;
  parser_.emplace();
  parser_->eager(true);
  parser_->header_limit(static_cast<uint32_t>(limits::http_header_bytes_max));
  parser_->body_limit(limits::etcd_answer_bytes_max);
  stream_.write(asio::buffer(out_), [self = shared_from_this()](const error_code& why, size_t) {
    self->on_written(why);
  });
}

void etcd_connection::on_written(const error_code& why) {
  if (!answered_)
    return;
  if (why)
    end_exchange(etcd_answer::fate::unsent,
                 {ec::unavailable, to_.authority() + ": " + stream_.complaint(why)});
  else
    read_more();
}

void etcd_connection::read_more() {
  stream_.read_some(
      in_.prepare(read_bytes),
      [self = shared_from_this()](const error_code& why, size_t n) { self->on_read(why, n); });
}

void etcd_connection::on_read(const error_code& why, size_t n) {
  if (!answered_)
    return;
  if (why)
    return end_reading(why);
  in_.commit(n);
  error_code wrong;
  auto whole = parse(wrong);
  if (wrong == http::error::body_limit)
    return end_exchange(etcd_answer::fate::lost,
                        {ec::too_large, to_.authority() + ": the answer is too large"});
  if (wrong)
    return end_exchange(etcd_answer::fate::lost,
                        {ec::unavailable, to_.authority() + ": no HTTP: " + wrong.message()});
  if (text_)
    pass_on_text();
  if (!answered_) // Whoever took the text has closed.
    return;
  if (!whole)
    return read_more();
  reusable_ = parser_->keep_alive() && in_.size() == 0;
  end_exchange(etcd_answer::fate::answered, {ec::unavailable, {}});
}

/// @returns whether the answer is whole.
bool etcd_connection::parse(error_code& wrong) {
  if (text_) // The bound is for what is collected; a stream never ends.
    parser_->body_limit(limits::etcd_answer_bytes_max);
  while (in_.size() > 0 && !parser_->is_done()) {
    auto used = parser_->put(in_.data(), wrong);
    in_.consume(used);
    if (wrong == http::error::need_more) {
      wrong
          = in_.size() > unparsed_bytes_max ? error_code{http::error::header_limit} : error_code{};
      break;
    }
    if (wrong)
      return false;
  }
  return parser_->is_done();
}

void etcd_connection::pass_on_text() {
  auto text = std::exchange(parser_->get().body(), {});
  if (text.empty())
    return;
  auto taker = std::exchange(text_, nullptr); // It may close, and then must not die while it runs.
  taker(text);
  if (answered_)
    text_ = std::move(taker);
}

void etcd_connection::end_reading(const error_code& why) {
  error_code wrong;
  if (why == asio::error::eof && parser_->got_some()) {
    parser_->put_eof(wrong);
    if (!wrong && parser_->is_done())
      return end_exchange(etcd_answer::fate::answered, {ec::unavailable, {}});
  }
  // TLS 1.3 lets a client write before the server has judged its certificate.
  auto rejected = !heard_ && !parser_->got_some() && etcd_stream::is_alert(why);
  end_exchange(rejected ? etcd_answer::fate::unsent : etcd_answer::fate::lost,
               {ec::unavailable, to_.authority() + ": " + stream_.complaint(why)});
}

void etcd_connection::end_exchange(etcd_answer::fate what, error why) {
  auto then = std::exchange(answered_, nullptr);
  text_ = nullptr;
  etcd_answer made{what, 0, {}, std::move(why)};
  if (what == etcd_answer::fate::answered) {
    heard_ = true;
    made.status = parser_->get().result_int();
    made.body = std::move(parser_->get().body());
  }
  if (!reusable_)
    close();
  then(std::move(made));
}

void etcd_connection::close() {
  closed_ = true;
  reusable_ = false;
  timer_.cancel();
  stream_.close();
  // What they hold may be the last that holds what called this.
  asio::post(io_, [a = std::exchange(opened_, nullptr), b = std::exchange(answered_, nullptr),
                   c = std::exchange(text_, nullptr)] {});
}

} // namespace shoal::coordination
