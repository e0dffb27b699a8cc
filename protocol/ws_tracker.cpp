// SPDX-License-Identifier: Apache-2.0
#include "protocol/ws_tracker.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <simdjson.h>

namespace shoal {

namespace {

namespace dom = simdjson::dom;

/// {"offers":[{"offer":{"sdp":..}}]} has four.
constexpr size_t depth_max = 16;

/// Bytes of an id are the characters U+0000 to U+00FF.
/// @returns nothing unless the text has exactly `Id::size_bytes` of those.
/// Ids are random: what it does for a character does not depend on it, which no processor foresees.
/// @param text valid UTF-8.
template <class Id>
std::optional<Id> id_of(std::string_view text) {
  if (text.size() < Id::size_bytes || text.size() > 2 * Id::size_bytes)
    return std::nullopt;
  std::array<uint8_t, 2 * Id::size_bytes + 2> units{};
  std::memcpy(units.data(), text.data(), text.size());
  Id id;
  size_t at = 0;
  unsigned wrong = 0;
  for (auto& byte : id.bytes) {
    unsigned first = units[at];
    unsigned second = units[at + 1];
    unsigned wide = first >> 7;
    auto joined = (first << 6 | (second & 0x3f)) & 0xff;
    byte = static_cast<uint8_t>(wide * joined + (1 - wide) * first);
    wrong |= wide * ((first & 0xfe) ^ 0xc2); // Up to U+00FF characters begin with C2 or C3.
    at += 1 + wide;
  }
  return wrong == 0 && at == text.size() ? std::optional{id} : std::nullopt;
}

template <class Id>
std::optional<Id> id_of(const dom::element& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? id_of<Id>(text) : std::nullopt;
}

/// @returns nothing for what is no number and for negative ones; 2^63-1 for larger ones.
std::optional<uint64_t> count_of(const dom::element& value) {
  constexpr auto most = announce_query::left_unknown;
  if (uint64_t exact = 0; value.get(exact) == simdjson::SUCCESS)
    return std::min(exact, most);
  double real = 0;
  if (value.get(real) != simdjson::SUCCESS || !(real >= 0))
    return std::nullopt;
  return real < static_cast<double>(most) ? static_cast<uint64_t>(real) : most;
}

announce_event event_of(const dom::element& value) {
  std::string_view word;
  if (value.get(word) != simdjson::SUCCESS)
    return announce_event::none;
  for (auto e : {announce_event::started, announce_event::completed, announce_event::stopped,
                 announce_event::paused})
    if (word == name(e))
      return e;
  return announce_event::none;
}

/// The fields of a message that mean something, of each the first one. Invalid if absent or null.
struct fields {
  std::optional<dom::element> action, info_hash, peer_id, to_peer_id, offer_id, offers, answer;
  std::optional<dom::element> numwant, uploaded, downloaded, left, event;
};

fields fields_of(const dom::object& message) {
  using member = std::optional<dom::element> fields::*;
  static constexpr std::pair<std::string_view, member> names[] = {
      {"action", &fields::action},     {"info_hash", &fields::info_hash},
      {"peer_id", &fields::peer_id},   {"to_peer_id", &fields::to_peer_id},
      {"offer_id", &fields::offer_id}, {"offers", &fields::offers},
      {"answer", &fields::answer},     {"numwant", &fields::numwant},
      {"uploaded", &fields::uploaded}, {"downloaded", &fields::downloaded},
      {"left", &fields::left},         {"event", &fields::event},
  };
  fields found;
  for (auto [key, value] : message)
    for (auto& [text, where] : names)
      if (key == text && !(found.*where) && !value.is_null())
        found.*where = value;
  return found;
}

template <class Id>
std::optional<Id> id_of(const std::optional<dom::element>& value) {
  return value ? id_of<Id>(*value) : std::nullopt;
}

/// @param type "offer" or "answer".
/// @returns the text of {"type": type, "sdp": text}.
std::optional<std::string> sdp_of(const dom::element& value, std::string_view type) {
  dom::object description;
  if (value.get(description) != simdjson::SUCCESS)
    return std::nullopt;
  std::string_view given;
  if (description["type"].get(given) != simdjson::SUCCESS || given != type)
    return std::nullopt;
  std::string_view sdp;
  if (description["sdp"].get(sdp) != simdjson::SUCCESS)
    return std::nullopt;
  return std::string{sdp};
}

std::optional<ws_offer> offer_of(const dom::element& value) {
  dom::object item;
  dom::element description;
  dom::element id;
  if (value.get(item) != simdjson::SUCCESS || item["offer"].get(description) != simdjson::SUCCESS
      || item["offer_id"].get(id) != simdjson::SUCCESS)
    return std::nullopt;
  auto known = id_of<offer_id>(id);
  auto sdp = sdp_of(description, "offer");
  if (!known || !sdp)
    return std::nullopt;
  return ws_offer{*known, std::move(*sdp)};
}

using decoded = tl::expected<ws_message, ws_fault>;

tl::unexpected<ws_fault> refuse(const ws_fault& about, std::string reason) {
  return tl::unexpected{ws_fault{about.action, about.swarm, std::move(reason)}};
}

decoded decode_announce(const fields& f, const ws_fault& about) {
  ws_announce out;
  out.swarm = *about.swarm;
  auto peer = id_of<peer_id>(f.peer_id);
  if (!peer)
    return refuse(about, "invalid peer_id");
  out.peer = *peer;
  out.event = f.event ? event_of(*f.event) : announce_event::none;
  auto count = [](auto& x) { return x ? count_of(*x) : std::nullopt; };
  out.uploaded_bytes = count(f.uploaded).value_or(0);
  out.downloaded_bytes = count(f.downloaded).value_or(0);
  // The npm client says NaN, which JSON has as null, when a magnet link has just been completed.
  auto unknown = out.event == announce_event::completed ? 0 : announce_query::left_unknown;
  out.left_bytes = count(f.left).value_or(unknown);
  dom::array offers;
  if (!f.offers)
    return out;
  if (f.offers->get(offers) != simdjson::SUCCESS)
    return refuse(about, "invalid offers");
  auto wanted
      = std::min<uint64_t>(count(f.numwant).value_or(limits::ws_offers_max), limits::ws_offers_max);
  for (auto item : offers) {
    if (out.offers.size() == wanted)
      break;
    auto offer = offer_of(item);
    if (!offer)
      return refuse(about, "invalid offers");
    out.offers.push_back(std::move(*offer));
  }
  return out;
}

decoded decode_answer(const fields& f, const ws_fault& about) {
  auto peer = id_of<peer_id>(f.peer_id);
  if (!peer)
    return refuse(about, "invalid peer_id");
  auto to = id_of<peer_id>(f.to_peer_id);
  if (!to)
    return refuse(about, "invalid to_peer_id");
  auto offer = id_of<offer_id>(f.offer_id);
  if (!offer)
    return refuse(about, "invalid offer_id");
  auto sdp = sdp_of(*f.answer, "answer");
  if (!sdp)
    return refuse(about, "invalid answer");
  return ws_answer{*about.swarm, *peer, *to, *offer, std::move(*sdp)};
}

decoded decode_scrape(const fields& f, const ws_fault& about) {
  if (!f.info_hash)
    return refuse(about, "a scrape must name its info_hash");
  ws_scrape out;
  dom::array list;
  if (f.info_hash->get(list) != simdjson::SUCCESS) {
    auto one = id_of<info_hash>(*f.info_hash);
    if (!one)
      return refuse(about, "invalid info_hash");
    out.swarms.push_back(*one);
    return out;
  }
  for (auto item : list) {
    auto one = id_of<info_hash>(item);
    if (!one)
      return refuse(about, "invalid info_hash");
    if (out.swarms.size() == limits::scrape_hashes_max)
      return refuse(about, "too many info_hashes");
    if (std::find(out.swarms.begin(), out.swarms.end(), *one) == out.swarms.end())
      out.swarms.push_back(*one);
  }
  if (out.swarms.empty())
    return refuse(about, "a scrape must name its info_hash");
  return out;
}

std::string text_of(const dom::object& message, const char* key) {
  std::string_view text;
  auto found = message[key].get(text) == simdjson::SUCCESS;
  return found && text.size() <= limits::agent_text_bytes_max ? std::string{text} : std::string{};
}

uint64_t number_of(const dom::object& message, const char* key) {
  dom::element value;
  auto found = message[key].get(value) == simdjson::SUCCESS;
  return found ? count_of(value).value_or(0) : 0;
}

decoded decode_agent(const dom::object& message, const ws_fault& about) {
  ws_agent out;
  out.name = text_of(message, "name");
  out.zone = text_of(message, "zone");
  out.capacity_bytes_per_second = number_of(message, "capacity");
  out.sent_bytes = number_of(message, "sent");
  out.sent_bytes_per_second = number_of(message, "sending");
  auto port = number_of(message, "port");
  if (port > UINT16_MAX)
    return refuse(about, "invalid port");
  out.port = static_cast<uint16_t>(port);
  dom::array swarms;
  if (message["swarms"].get(swarms) != simdjson::SUCCESS)
    return refuse(about, "an agent must name its swarms");
  for (auto item : swarms) {
    dom::object swarm;
    std::string_view hex;
    auto is_one
        = item.get(swarm) == simdjson::SUCCESS && swarm["info_hash"].get(hex) == simdjson::SUCCESS;
    auto hash = is_one ? info_hash::from_hex(hex) : std::nullopt;
    if (!hash)
      return refuse(about, "invalid info_hash");
    if (out.swarms.size() == limits::agent_swarms_max)
      return refuse(about, "too many swarms");
    out.swarms.push_back({*hash, number_of(swarm, "have"), number_of(swarm, "size")});
  }
  return out;
}

decoded decode_message(const dom::element& root) {
  ws_fault about;
  dom::object message;
  if (root.get(message) != simdjson::SUCCESS)
    return refuse(about, "a message must be a JSON object");
  auto f = fields_of(message);
  about.swarm = id_of<info_hash>(f.info_hash);
  std::string_view action;
  if (!f.action || f.action->get(action) != simdjson::SUCCESS)
    return refuse(about, "invalid action");
  if (action == "scrape") {
    about.action = ws_action::scrape;
    return decode_scrape(f, about);
  }
  if (action == "agent") {
    about.action = ws_action::agent;
    return decode_agent(message, about);
  }
  if (action != "announce")
    return refuse(about, "invalid action");
  if (!about.swarm)
    return refuse(about, "invalid info_hash");
  return f.answer ? decode_answer(f, about) : decode_announce(f, about);
}

} // namespace

struct ws_decoder::state {
  dom::parser parser{limits::ws_message_bytes_max};
};

ws_decoder::ws_decoder() : state_{std::make_unique<state>()} {}
ws_decoder::~ws_decoder() = default;
ws_decoder::ws_decoder(ws_decoder&&) noexcept = default;
ws_decoder& ws_decoder::operator=(ws_decoder&&) noexcept = default;

tl::expected<ws_message, ws_fault> ws_decoder::decode(std::string_view json) {
  if (json.size() > limits::ws_message_bytes_max)
    return refuse({}, "the message is too long");
  auto& parser = state_->parser;
  if (parser.capacity() == 0
      && parser.allocate(limits::ws_message_bytes_max, depth_max) != simdjson::SUCCESS)
    return refuse({}, "out of memory");
  dom::element root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS)
    return refuse({}, "a message must be a JSON object");
  return decode_message(root);
}

} // namespace shoal
