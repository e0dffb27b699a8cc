// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/http_requests.hpp"

#include <array>
#include <charconv>

namespace shoal::load {

namespace {

struct escapes {
  std::array<std::array<char, 3>, 256> text{};
  std::array<uint8_t, 256> size{};

  constexpr escapes() {
    constexpr char digits[] = "0123456789ABCDEF";
    for (unsigned c = 0; c < 256; ++c) {
      auto plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                   || c == '-' || c == '.' || c == '_' || c == '~';
      size[c] = plain ? 1 : 3;
      text[c] = plain ? std::array{static_cast<char>(c), '\0', '\0'}
                      : std::array{'%', digits[c >> 4], digits[c & 15]};
    }
  }
};

constexpr escapes table;

void append_number(std::string& out, uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

void append_hex(std::string& out, uint32_t number) {
  for (unsigned i = 0; i < 8; ++i)
    out += "0123456789ABCDEF"[number >> (28 - 4 * i) & 15];
}

/// "5:peers300:..." somewhere in a bencoded dictionary. @returns the 300.
std::optional<uint64_t> length_after(std::string_view text, std::string_view key) {
  auto at = text.find(key);
  if (at == std::string_view::npos)
    return std::nullopt;
  auto* begin = text.data() + at + key.size();
  uint64_t length = 0;
  auto [stop, failed] = std::from_chars(begin, text.data() + text.size(), length);
  if (failed != std::errc{} || stop == text.data() + text.size() || *stop != ':')
    return std::nullopt;
  return length;
}

} // namespace

void append_escaped(std::string& out, std::string_view bytes) {
  for (auto c : bytes) {
    auto index = static_cast<uint8_t>(c);
    out.append(table.text[index].data(), table.size[index]);
  }
}

http_requests::http_requests(const load_options& options, const endpoint& host)
    : options_{options} {
  auto tail = options.passkey.empty() ? "" : "/" + options.passkey;
  announce_begin_ = "GET /announce" + tail + "?info_hash=";
  announce_middle_ = "&uploaded=0&downloaded=0&compact=1&left=";
  scrape_begin_ = "GET /scrape" + tail;
  auto headers = " HTTP/1.1\r\nHost: " + host.str() + "\r\nUser-Agent: shoal-load/" SHOAL_VERSION;
  end_ = headers + (options.close ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
  upgrade_ = "GET " + (tail.empty() ? std::string{"/"} : "/announce" + tail) + headers
             + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: c2hvYWwtbG9hZCBzaG9hbA==\r\n\r\n";
}

void http_requests::append_announce(std::string& out, const planned_request& request,
                                    const population& all) {
  constexpr std::string_view events[]
      = {"", "&event=started", "&event=completed", "&event=stopped", "&event=paused"};
  auto peer = all.peer(request.swarm, request.peer);
  out += announce_begin_;
  append_escaped(out, all.hash_of(request.swarm).chars());
  out += "&peer_id=";
  append_escaped(out, peer.id.chars());
  out += "&port=";
  append_number(out, peer.port);
  out += announce_middle_;
  out += peer.seed || request.event == announce_event::completed ? "0" : "1048576";
  out += "&numwant=";
  append_number(out, request.numwant);
  out += "&key=";
  append_hex(out, peer.key); // As libtorrent does: the same peer over UDP has the same key.
  out += events[static_cast<size_t>(request.event)];
  out += end_;
}

void http_requests::append_scrape(std::string& out, const planned_request& request,
                                  const population& all) {
  out += scrape_begin_;
  for (unsigned i = 0; i < options_.scrape_hashes; ++i) {
    out += i == 0 ? "?info_hash=" : "&info_hash=";
    append_escaped(out, all.hash_of((request.swarm + i) % all.swarms()).chars());
  }
  out += end_;
}

void http_requests::append_get(std::string& out) {
  out += "GET ";
  out += options_.get_paths.empty() ? options_.get_path
                                    : options_.get_paths[next_path_++ % options_.get_paths.size()];
  out += end_;
}

void http_requests::append_upgrade(std::string& out) const {
  out += upgrade_;
}

std::optional<trouble> judge(request_kind asked, const response_reader& answer,
                             uint64_t& peers_received) {
  if (answer.status() != 200 && answer.status() != 206)
    return trouble::status;
  if (asked == request_kind::get)
    return std::nullopt;
  auto body = answer.body_begin();
  if (body.starts_with("d14:failure reason"))
    return trouble::refused;
  if (asked == request_kind::scrape)
    return body.starts_with("d5:filesd") ? std::nullopt : std::optional{trouble::malformed};
  auto v4 = length_after(body, "5:peers");
  auto v6 = length_after(body, "6:peers6");
  if (!body.starts_with("d8:") || (!v4 && !v6) || v4.value_or(0) % 6 != 0
      || v6.value_or(0) % 18 != 0 || v4.value_or(0) + v6.value_or(0) > answer.body_bytes())
    return trouble::malformed;
  peers_received += v4.value_or(0) / 6 + v6.value_or(0) / 18;
  return std::nullopt;
}

} // namespace shoal::load
