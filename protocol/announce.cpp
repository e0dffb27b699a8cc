// SPDX-License-Identifier: Apache-2.0
#include "protocol/announce.hpp"

#include "core/limits.hpp"
#include "protocol/percent.hpp"
#include "protocol/query.hpp"
#include "protocol/swarm_hash.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr uint64_t number_max = std::numeric_limits<int64_t>::max();

enum class field : uint8_t {
  info_hash,
  peer_id,
  port,
  uploaded,
  downloaded,
  left,
  event,
  numwant,
  compact,
  no_peer_id,
  key,
  trackerid,
  field_sentinel_
};

constexpr std::array<std::string_view, 12> field_names{
    "info_hash", "peer_id", "port",    "uploaded",   "downloaded", "left",
    "event",     "numwant", "compact", "no_peer_id", "key",        "trackerid",
};
static_assert(field_names.size() == static_cast<size_t>(field::field_sentinel_));

constexpr std::array<std::string_view, 5> event_names{
    "", "started", "completed", "stopped", "paused",
};
static_assert(event_names.size() == static_cast<size_t>(announce_event::announce_event_sentinel_));

using short_buffer = std::array<uint8_t, limits::announce_key_bytes_max>;

/// Decodes a short value; `buffer` is used only if there is something to decode.
/// @returns nothing on a bad escape or if the decoded value does not fit.
std::optional<std::string_view> decode_short(std::string_view escaped, short_buffer& buffer) {
  if (escaped.find('%') == std::string_view::npos) {
    if (escaped.size() > buffer.size())
      return std::nullopt;
    return escaped;
  }
  auto size = percent_decode_into(escaped, buffer);
  if (!size)
    return std::nullopt;
  return as_chars(std::span(buffer).first(*size));
}

/// A base-ten integer. `value` is clamped to 2^63-1.
struct integer {
  bool negative = false;
  uint64_t value = 0;
};

std::optional<integer> parse_integer(std::string_view escaped) {
  short_buffer buffer;
  auto text = decode_short(escaped, buffer);
  if (!text)
    return std::nullopt;
  auto digits = *text;
  integer number;
  if (digits.starts_with('-')) {
    number.negative = true;
    digits.remove_prefix(1);
  }
  if (digits.empty())
    return std::nullopt;
  for (auto c : digits) {
    if (c < '0' || c > '9')
      return std::nullopt;
    auto digit = static_cast<uint64_t>(c - '0');
    number.value
        = number.value > (number_max - digit) / 10 ? number_max : number.value * 10 + digit;
  }
  return number;
}

tl::unexpected<error> invalid(field id, std::string_view what) {
  std::string text{field_names[static_cast<size_t>(id)]};
  text += ' ';
  text += what;
  return fail(ec::invalid_argument, std::move(text));
}

class announce_parser {
public:
  result<void> take(const query_field& parameter) {
    auto id = find(parameter.name);
    if (!id)
      return {};
    auto bit = 1u << static_cast<unsigned>(*id);
    if (seen_ & bit) {
      if (*id == field::info_hash)
        return invalid(*id, "must be given once");
      return {};
    }
    seen_ |= bit;
    return parse(*id, parameter.value);
  }

  result<announce_query> finish() {
    for (auto id : {field::info_hash, field::peer_id}) {
      if (!has(id))
        return missing(id);
    }
    if (query_.port == 0 && query_.event != announce_event::stopped) {
      if (!has(field::port))
        return missing(field::port);
      return invalid(field::port, "must be 1 to 65535");
    }
    // The npm client leaves `left` out, or sends NaN, with its "completed".
    if (!left_known_ && query_.event == announce_event::completed)
      query_.left_bytes = 0;
    return std::move(query_);
  }

private:
  static std::optional<field> find(std::string_view name) {
    short_buffer buffer;
    auto decoded = decode_short(name, buffer);
    if (!decoded)
      return std::nullopt;
    auto i = std::find(field_names.begin(), field_names.end(), *decoded);
    if (i == field_names.end())
      return std::nullopt;
    return static_cast<field>(i - field_names.begin());
  }

  static tl::unexpected<error> missing(field id) {
    return fail(ec::missing_argument,
                std::string{field_names[static_cast<size_t>(id)]} + " is missing");
  }

  bool has(field id) const { return (seen_ & 1u << static_cast<unsigned>(id)) != 0; }

  result<void> parse(field id, std::string_view value) {
    switch (id) {
    case field::info_hash:
      return parse_hash(value);
    case field::peer_id:
      if (percent_decode_into(value, query_.peer.bytes) != peer_id::size_bytes)
        return invalid(id, "must be 20 bytes, well escaped");
      return {};
    case field::port:
      return parse_port(value);
    case field::uploaded:
      return parse_count(id, value, query_.uploaded_bytes);
    case field::downloaded:
      return parse_count(id, value, query_.downloaded_bytes);
    case field::left:
      return parse_left(value);
    case field::event:
      query_.event = parse_event(value);
      return {};
    case field::numwant:
      return parse_numwant(value);
    case field::compact:
      query_.compact = value != "0";
      return {};
    case field::no_peer_id:
      query_.no_peer_id = value != "0";
      return {};
    default:
      return parse_opaque(id, value);
    }
  }

  result<void> parse_hash(std::string_view value) {
    auto hash = swarm_hash::decode(value);
    if (!hash)
      return tl::unexpected(std::move(hash.error()));
    query_.swarm = hash->truncated();
    query_.v2_hash = hash->full_v2();
    return {};
  }

  result<void> parse_port(std::string_view value) {
    auto number = parse_integer(value);
    if (!number || number->negative || number->value > 65535)
      return invalid(field::port, "must be 1 to 65535");
    query_.port = static_cast<uint16_t>(number->value);
    return {};
  }

  static result<void> parse_count(field id, std::string_view value, uint64_t& out) {
    if (value.empty())
      return {};
    auto number = parse_integer(value);
    if (!number || (number->negative && number->value != 0))
      return invalid(id, "must be a non-negative integer");
    out = number->value;
    return {};
  }

  result<void> parse_left(std::string_view value) {
    if (value.empty() || value == "NaN" || value == "null" || value == "undefined")
      return {};
    auto number = parse_integer(value);
    if (!number)
      return invalid(field::left, "must be an integer");
    left_known_ = !number->negative;
    if (left_known_)
      query_.left_bytes = number->value;
    return {};
  }

  static announce_event parse_event(std::string_view value) {
    short_buffer buffer;
    auto text = decode_short(value, buffer);
    if (!text)
      return announce_event::none;
    auto i = std::find(event_names.begin(), event_names.end(), *text);
    if (i == event_names.end())
      return announce_event::none;
    return static_cast<announce_event>(i - event_names.begin());
  }

  result<void> parse_numwant(std::string_view value) {
    if (value.empty())
      return {};
    auto number = parse_integer(value);
    if (!number)
      return invalid(field::numwant, "must be an integer");
    if (!number->negative)
      query_.numwant
          = static_cast<uint32_t>(std::min<uint64_t>(number->value, limits::numwant_max));
    return {};
  }

  result<void> parse_opaque(field id, std::string_view value) {
    short_buffer buffer;
    auto text = decode_short(value, buffer);
    if (id == field::trackerid) {
      // Nothing depends on it, and other trackers' ids end up here: no reason to refuse.
      if (text)
        query_.tracker_id = *text;
      return {};
    }
    if (!text)
      return invalid(id, "must be at most 64 bytes, well escaped");
    query_.key = *text;
    return {};
  }

  announce_query query_;
  unsigned seen_ = 0;
  bool left_known_ = false;
};

} // namespace

std::string_view name(announce_event event) {
  auto index = static_cast<size_t>(event);
  SHOAL_CHECK(index < event_names.size());
  return event_names[index];
}

result<announce_query> parse_announce(std::string_view raw_query) {
  announce_parser parser;
  for (const auto& parameter : query_view{raw_query}) {
    if (auto ok = parser.take(parameter); !ok)
      return tl::unexpected(std::move(ok.error()));
  }
  return parser.finish();
}

} // namespace shoal
