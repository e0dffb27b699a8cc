// SPDX-License-Identifier: Apache-2.0
// The way from an HTTP request to a WebSocket of the tracker.
#include "http/credentials.hpp"
#include "http/dialects/handlers.hpp"
#include "http/websocket_hub.hpp"
#include "protocol/text.hpp"
#include "protocol/websocket_frame.hpp"

namespace shoal::http {

namespace {

/// Whether a comma-separated header names something, in any case.
bool names(std::string_view header, std::string_view wanted) {
  while (!header.empty()) {
    auto end = std::min(header.find(','), header.size());
    if (text::equals_nocase(text::trim(header.substr(0, end)), wanted))
      return true;
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return false;
}

/// @returns what is wrong with the handshake, or nothing. @source RFC 6455
/// section 4.2.1.
std::optional<response> fault_of(const exchange& ex) {
  if (ex.header("Sec-WebSocket-Version") != "13")
    return text(426, "only version 13 of WebSocket is spoken here")
        .with("Sec-WebSocket-Version", "13")
        .with("Upgrade", "websocket");
  if (!names(ex.header("Connection"), "upgrade"))
    return text(400, "a WebSocket handshake needs \"Connection: Upgrade\"");
  if (!is_websocket_key(text::trim(ex.header("Sec-WebSocket-Key"))))
    return text(400, "Sec-WebSocket-Key must be the base64 of 16 bytes");
  return std::nullopt;
}

response refused(const refusal& why) {
  if (why.kind != refusal_kind::rate_limited)
    return text(401, why.reason);
  return text(429, why.reason).with("Retry-After", "60");
}

} // namespace

bool wants_websocket(const exchange& ex) {
  return ex.verb() == method::get && names(ex.header("Upgrade"), "websocket");
}

task<> open_websocket(exchange& ex) {
  if (auto fault = fault_of(ex)) {
    co_await ex.send(std::move(*fault));
    co_return;
  }
  auto& gate = ex.srv().gate;
  auto user = gate.admit(ex.client(), ex.param("passkey"), mono_now());
  if (!user) {
    gate.count_refusal(transport::ws, user.error().kind);
    auto answer = refused(user.error());
    co_await ex.send(std::move(answer));
    co_return;
  }
  auto key = websocket_accept(text::trim(ex.header("Sec-WebSocket-Key")));
  auto head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: "
              "websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: "
              + key + "\r\n\r\n";
  websocket_client client{ex.client(), std::move(*user), has_registry_key(ex)};
  co_await ex.send_raw(head);
  ex.websockets().accept(ex.take_stream(), std::move(client));
}

} // namespace shoal::http
