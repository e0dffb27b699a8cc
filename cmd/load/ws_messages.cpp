// SPDX-License-Identifier: Apache-2.0
#include "cmd/load/ws_messages.hpp"

#include <charconv>

namespace shoal::load {

namespace {

/// As browsers write it, without candidates: about what a tracker has to carry.
constexpr std::string_view sdp
    = R"("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n)"
      R"(a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n)"
      R"(m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n)"
      R"(a=ice-ufrag:Zn4y\r\na=ice-pwd:8Jd0vYtWn1pWm2hUzJ3eHc5u\r\na=ice-options:trickle\r\n)"
      R"(a=fingerprint:sha-256 4B:7C:19:02:5E:C0:7B:1D:90:88:3E:6F:5A:21:CC:9B:)"
      R"(0D:44:71:E2:10:98:AF:36:D5:02:6B:8E:F7:53:1A:C4\r\n)"
      R"(a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n")";

void append_number(std::string& out, uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

/// The text between the quotes of the string under `key`, escapes as they are.
std::string_view string_under(std::string_view json, std::string_view key) {
  auto at = json.find(key);
  if (at == std::string_view::npos)
    return {};
  at = json.find_first_not_of(" :", at + key.size());
  if (at == std::string_view::npos || json[at] != '"')
    return {};
  auto begin = ++at;
  while (at < json.size() && json[at] != '"')
    at += json[at] == '\\' ? 2 : 1;
  return at < json.size() ? json.substr(begin, at - begin) : std::string_view{};
}

bool has(std::string_view json, std::string_view key) {
  return json.find(key) != std::string_view::npos;
}

} // namespace

void append_latin1_json(std::string& out, std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  for (auto c : bytes) {
    auto code = static_cast<uint8_t>(c);
    if (code < 0x20) {
      out += "\\u00";
      out += digits[code >> 4];
      out += digits[code & 15];
    } else if (code == '"' || code == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
}

ws_peer::ws_peer(const population& all, uint64_t swarm, uint64_t number) {
  auto peer = all.peer(swarm, number);
  seed_ = peer.seed;
  append_latin1_json(hash_, all.hash_of(swarm).chars());
  ids_ = R"({"action":"announce","info_hash":")" + hash_ + R"(","peer_id":")";
  append_latin1_json(ids_, peer.id.chars());
  ids_ += '"';
}

void ws_peer::append_announce(std::string& out, announce_event event, unsigned offers,
                              uint64_t serial) const {
  out += ids_;
  out += R"(,"uploaded":0,"downloaded":0,"left":)";
  out += seed_ ? "0" : "1048576";
  out += R"(,"numwant":)";
  append_number(out, offers);
  if (event == announce_event::started)
    out += R"(,"event":"started")";
  if (event == announce_event::stopped)
    out += R"(,"event":"stopped")";
  if (event == announce_event::completed)
    out += R"(,"event":"completed")";
  out += R"(,"offers":[)";
  for (unsigned i = 0; i < offers; ++i) {
    out += i == 0 ? R"({"offer":{"type":"offer","sdp":)" : R"(,{"offer":{"type":"offer","sdp":)";
    out += sdp;
    // Twenty characters.
    auto id = std::to_string(10'000'000'000'000'000'000ULL + serial * 32 + i);
    out += R"(},"offer_id":")" + id + R"("})";
  }
  out += "]}";
}

void ws_peer::append_scrape(std::string& out) const {
  out += R"({"action":"scrape","info_hash":")" + hash_ + R"("})";
}

bool ws_peer::append_answer(std::string& out, std::string_view offer) const {
  auto to = string_under(offer, R"("peer_id")");
  auto id = string_under(offer, R"("offer_id")");
  if (to.empty() || id.empty())
    return false;
  out += ids_;
  out += R"(,"to_peer_id":")";
  out += to;
  out += R"(","offer_id":")";
  out += id;
  out += R"(","answer":{"type":"answer","sdp":)";
  out += sdp;
  out += "}}";
  return true;
}

ws_message kind_of(std::string_view json) {
  if (has(json, R"("failure reason")"))
    return ws_message::failure;
  if (has(json, R"("offer")"))
    return ws_message::offer;
  if (has(json, R"("answer")"))
    return ws_message::answer;
  if (has(json, R"("files")"))
    return ws_message::scraped;
  return has(json, R"("interval")") ? ws_message::announced : ws_message::unknown;
}

} // namespace shoal::load
