// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/agent_line.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <thread>

namespace shoal::cli {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using error_code = boost::system::error_code;
using tcp = asio::ip::tcp;

template <class T = void>
using task = asio::awaitable<T>;

namespace {

constexpr std::chrono::seconds patience{20};
constexpr std::chrono::seconds pause_max{60};
constexpr size_t answer_bytes_max = 64 * 1024;

/// "https://host:port/prefix" in its parts.
struct server_address {
  bool is_encrypted = false;
  std::string host;
  std::string port;
  std::string path;

  explicit server_address(std::string url) {
    is_encrypted = url.starts_with("https://");
    url.erase(0, std::min(url.size(), url.find("://") + 3));
    const auto slash = std::min(url.find('/'), url.size());
    path = url.substr(slash) + "/announce";
    auto authority = url.substr(0, slash);
    const auto bracket = authority.rfind(']');
    const auto colon = authority.rfind(':');
    const bool has_port
        = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    port = has_port ? authority.substr(colon + 1) : is_encrypted ? "443" : "80";
    host = authority.substr(0, has_port ? colon : authority.size());
    if (host.starts_with('['))
      host = host.substr(1, host.size() - 2);
  }
};

/// What a node says to a report. @returns why it does not want it; empty if it does.
std::string refusal_in(const std::string& text, std::chrono::seconds& period) {
  const auto doc = nlohmann::json::parse(text, nullptr, false);
  if (!doc.is_object())
    return "it does not know agents";
  if (const auto why = doc.find("failure reason"); why != doc.end() && why->is_string())
    return why->get<std::string>();
  if (const auto said = doc.find("interval"); said != doc.end() && said->is_number_unsigned())
    period = std::chrono::seconds(std::clamp<uint64_t>(said->get<uint64_t>(), 1, 3600));
  return {};
}

} // namespace

struct agent_line::impl {
  asio::io_context io;
  std::thread thread;
};

/// One server.
struct agent_conversation {
  agent_line& line;
  asio::io_context& io;
  const server_address where;
  const std::string url;
  std::string complained;
  bool is_heard = false;

  agent_conversation(agent_line& of, asio::io_context& on, const std::string& server)
      : line(of), io(on), where(server), url(server) {}

  void note_heard(bool now) {
    if (is_heard != now)
      line.heard_ += now ? size_t{1} : size_t(-1);
    is_heard = now;
  }

  task<> wait(std::chrono::milliseconds time) const {
    asio::steady_timer timer(io, time);
    error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  task<> live();
  task<error_code> connect(beast::tcp_stream& to) const;
  task<std::string> converse();

  template <class Stream>
  task<std::string> talk(websocket::stream<Stream>& to);
};

task<> agent_conversation::live() {
  for (std::chrono::seconds pause{1};; pause = std::min(2 * pause, pause_max)) {
    auto why = co_await converse();
    if (is_heard)
      pause = std::chrono::seconds{1};
    note_heard(false);
    if (why != complained)
      line.complain_(url + ": " + why);
    complained = why;
    co_await wait(pause);
  }
}

task<error_code> agent_conversation::connect(beast::tcp_stream& to) const {
  tcp::resolver resolver(io);
  error_code failed;
  auto found = co_await resolver.async_resolve(where.host, where.port,
                                               asio::redirect_error(asio::use_awaitable, failed));
  if (failed)
    co_return failed;
  const auto local = line.config_.local_address.empty()
                         ? asio::ip::address{}
                         : asio::ip::make_address(line.config_.local_address, failed);
  failed = asio::error::host_not_found;
  for (auto& one : found) {
    const auto address = one.endpoint();
    const bool binds
        = !line.config_.local_address.empty() && local.is_v4() == address.address().is_v4();
    to.close();
    error_code unbound;
    to.socket().open(address.protocol(), unbound);
    if (binds)
      to.socket().bind({local, 0}, unbound);
    if (unbound) {
      failed = unbound;
      continue;
    }
    to.expires_after(patience);
    co_await to.async_connect(address, asio::redirect_error(asio::use_awaitable, failed));
    if (!failed)
      break;
  }
  co_return failed;
}

task<std::string> agent_conversation::converse() {
  error_code failed;
  if (!where.is_encrypted) {
    websocket::stream<beast::tcp_stream> plain(io);
    failed = co_await connect(plain.next_layer());
    if (failed)
      co_return failed.message();
    auto why = co_await talk(plain);
    co_return why;
  }
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_default_verify_paths(failed);
  tls.set_verify_mode(asio::ssl::verify_peer);
  websocket::stream<beast::ssl_stream<beast::tcp_stream>> secret(io, tls);
  auto& layer = secret.next_layer();
  failed = co_await connect(layer.next_layer());
  if (failed)
    co_return failed.message();
  layer.set_verify_callback(asio::ssl::host_name_verification(where.host));
  SSL_set_tlsext_host_name(layer.native_handle(), where.host.c_str());
  co_await layer.async_handshake(asio::ssl::stream_base::client,
                                 asio::redirect_error(asio::use_awaitable, failed));
  if (failed)
    co_return failed.message();
  auto why = co_await talk(secret);
  co_return why;
}

/// Reports for as long as somebody listens. @returns why that has ended.
template <class Stream>
task<std::string> agent_conversation::talk(websocket::stream<Stream>& to) {
  beast::get_lowest_layer(to).expires_never(); // From here on the WebSocket has times of its own.
  websocket::stream_base::timeout times{patience, std::chrono::minutes(5), true};
  to.set_option(times);
  to.set_option(websocket::stream_base::decorator([this](websocket::request_type& head) {
    head.set(beast::http::field::user_agent, "shoal/" SHOAL_VERSION);
    if (!line.config_.key.empty())
      head.set("X-Weightless-Key", line.config_.key);
  }));
  to.read_message_max(answer_bytes_max);
  error_code failed;
  auto token = asio::redirect_error(asio::use_awaitable, failed);
  co_await to.async_handshake(where.host + ":" + where.port, where.path, token);
  auto period = line.config_.period;
  while (!failed) {
    const auto text = line.report_();
    const auto bytes = asio::buffer(text);
    co_await to.async_write(bytes, token);
    beast::flat_buffer answer;
    if (!failed)
      co_await to.async_read(answer, token);
    if (failed)
      break;
    auto why = refusal_in(beast::buffers_to_string(answer.data()), period);
    if (!why.empty())
      co_return why;
    complained.clear();
    note_heard(true);
    co_await wait(period);
  }
  co_return failed.message();
}

agent_line::agent_line(agent_line_config config, std::function<std::string()> report,
                       std::function<void(const std::string&)> complain)
    : config_(std::move(config)), report_(std::move(report)), complain_(std::move(complain)),
      impl_(std::make_unique<impl>()) {
  for (auto& server : config_.servers) {
    auto one = std::make_shared<agent_conversation>(*this, impl_->io, server);
    // A coroutine keeps what its function object holds.
    asio::co_spawn(
        impl_->io, [one]() -> task<> { return one->live(); }, asio::detached);
  }
  impl_->thread = std::thread([this] { impl_->io.run(); });
}

agent_line::~agent_line() {
  impl_->io.stop();
  impl_->thread.join();
}

} // namespace shoal::cli
