// SPDX-License-Identifier: Apache-2.0
#include "protocol/magnet.hpp"

#include "core/limits.hpp"
#include "protocol/percent.hpp"
#include "protocol/query.hpp"
#include "protocol/text.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr std::string_view magnet_scheme = "magnet:?";
constexpr std::string_view btih_prefix = "urn:btih:";
constexpr std::string_view btmh_prefix = "urn:btmh:";
constexpr std::string_view sha256_multihash = "1220"; ///< SHA-256, 32 bytes. @source BEP 9

/// 32 digits of RFC 4648 base32, either case.
std::optional<info_hash> from_base32(std::string_view digits) {
  if (digits.size() != 32)
    return std::nullopt;
  info_hash hash;
  uint32_t buffer = 0;
  int bits = 0;
  size_t size = 0;
  for (auto c : digits) {
    c = text::lower(c);
    uint32_t value = 0;
    if (c >= 'a' && c <= 'z')
      value = static_cast<uint32_t>(c - 'a');
    else if (c >= '2' && c <= '7')
      value = static_cast<uint32_t>(c - '2' + 26);
    else
      return std::nullopt;
    buffer = (buffer << 5 | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      hash.bytes[size++] = static_cast<uint8_t>(buffer >> bits);
    }
  }
  return hash;
}

/// "tr.1" is another "tr".
std::string_view without_number(std::string_view name) {
  auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == name.size())
    return name;
  auto number = name.substr(dot + 1);
  return std::all_of(number.begin(), number.end(), text::is_digit) ? name.substr(0, dot) : name;
}

/// Keeps the first hash and tells whether another one contradicts it.
template <class Hash>
bool agree(std::optional<Hash>& slot, const std::optional<Hash>& hash) {
  if (!slot)
    slot = hash;
  return slot == hash;
}

result<void> take_topic(magnet_link& link, std::string_view topic) {
  if (text::starts_with_nocase(topic, btih_prefix)) {
    auto digits = topic.substr(btih_prefix.size());
    auto hash = digits.size() == 32 ? from_base32(digits) : info_hash::from_hex(digits);
    if (!hash)
      return fail(ec::invalid_argument, "btih must be 40 hexadecimal or 32 base32 digits");
    if (!agree(link.v1, hash))
      return fail(ec::invalid_argument, "the magnet link names two torrents");
  } else if (text::starts_with_nocase(topic, btmh_prefix)) {
    auto digits = topic.substr(btmh_prefix.size());
    if (!digits.starts_with(sha256_multihash))
      return fail(ec::invalid_argument, "btmh must be a SHA-256 multihash");
    auto hash = sha256_digest::from_hex(digits.substr(sha256_multihash.size()));
    if (!hash)
      return fail(ec::invalid_argument, "btmh must be 1220 and 64 hexadecimal digits");
    if (!agree(link.v2, hash))
      return fail(ec::invalid_argument, "the magnet link names two torrents");
  }
  return {};
}

result<void> take(magnet_link& link, const query_field& field) {
  auto name = without_number(field.name);
  // Many sites write the spaces of a name, and of nothing else, as plus signs.
  auto value = name == "dn" ? form_decode(field.value) : percent_decode(field.value);
  if (!value)
    return fail(ec::invalid_argument, "the magnet link is badly escaped");
  if (name == "xt")
    return take_topic(link, *value);
  if (name == "dn" && link.display_name.empty())
    link.display_name = std::move(*value);
  else if (name == "tr")
    link.trackers.push_back(std::move(*value));
  else if (name == "ws")
    link.web_seeds.push_back(std::move(*value));
  else if (name == "x.pe")
    link.peers.push_back(std::move(*value));
  return {};
}

/// Keeps ':', '[' and ']': libtorrent 2.0 reads x.pe without decoding it.
std::string encode_peer(std::string_view peer) {
  std::string out;
  for (auto c : peer) {
    if (c == ':' || c == '[' || c == ']')
      out += c;
    else
      out += percent_encode({&c, 1});
  }
  return out;
}

void append(std::string& out, std::string_view name, std::string_view value) {
  out += out.size() == magnet_scheme.size() ? "" : "&";
  out += name;
  out += '=';
  out += value;
}

} // namespace

std::string build_magnet(const magnet_link& link) {
  std::string out{magnet_scheme};
  // The colons of the topic stay: many clients compare "xt=urn:btih:" literally.
  if (link.v1)
    append(out, "xt", std::string{btih_prefix} + link.v1->hex());
  if (link.v2)
    append(out, "xt", std::string{btmh_prefix} + std::string{sha256_multihash} + link.v2->hex());
  if (!link.display_name.empty())
    append(out, "dn", percent_encode(link.display_name));
  for (const auto& url : link.trackers)
    append(out, "tr", percent_encode(url));
  for (const auto& url : link.web_seeds)
    append(out, "ws", percent_encode(url));
  for (const auto& peer : link.peers)
    append(out, "x.pe", encode_peer(peer));
  return out;
}

result<magnet_link> parse_magnet(std::string_view uri) {
  if (uri.size() > limits::magnet_bytes_max)
    return fail(ec::too_large, "the magnet link is too long");
  if (!text::starts_with_nocase(uri, magnet_scheme))
    return fail(ec::invalid_argument, "not a magnet link");
  magnet_link link;
  size_t count = 0;
  for (const auto& field : query_view{uri.substr(magnet_scheme.size())}) {
    if (++count > limits::magnet_fields_max)
      return fail(ec::too_large, "the magnet link has too many parameters");
    if (auto ok = take(link, field); !ok)
      return tl::unexpected(std::move(ok.error()));
  }
  if (!link.v1 && !link.v2)
    return fail(ec::invalid_argument, "the magnet link names no torrent");
  return link;
}

} // namespace shoal
