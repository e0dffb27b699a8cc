// SPDX-License-Identifier: Apache-2.0
#include "protocol/proxy_header.hpp"

#include "core/hex.hpp"
#include "core/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace shoal {

namespace {

using namespace std::string_view_literals;

constexpr auto v1_prefix = "PROXY "sv;
constexpr auto v2_signature = "\r\n\r\n\0\r\nQUIT\n"sv;

/// The longest line of version 1, "\r\n" included.
constexpr size_t v1_bytes_max = 107;

constexpr size_t v2_fixed_bytes = 16; // Signature, version and command, family, length.

enum class v2_command : uint8_t { local, proxy };
enum class v2_family : uint8_t { unspecified, inet, inet6, unix_socket };

using parsed = result<std::optional<proxy_header>>;

tl::unexpected<error> refuse(const char* why) {
  return fail(ec::invalid_argument, std::string{"PROXY header: "} + why);
}

// -- version 1 -----------------------------------------------------------------

/// Cuts off the part before the next blank, or all that is left.
std::string_view next_word(std::string_view& line) {
  auto word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

std::optional<ip_address> parse_address(std::string_view text, bool v6) {
  auto has_colon = text.find(':') != std::string_view::npos;
  return has_colon == v6 ? ip_address::parse(text) : std::nullopt;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  auto* end = text.data() + text.size();
  auto [stop, failed] = std::from_chars(text.data(), end, port);
  if (failed != std::errc{} || stop != end || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  return port;
}

parsed parse_v1(std::string_view text) {
  auto end = text.substr(0, v1_bytes_max).find("\r\n");
  if (end == std::string_view::npos) {
    if (text.size() >= v1_bytes_max)
      return refuse("the line is too long");
    return std::nullopt;
  }
  proxy_header header;
  header.size = end + 2;
  auto line = text.substr(v1_prefix.size(), end - v1_prefix.size());
  // Exactly five words: their blanks are counted, as an empty last word leaves no trace otherwise.
  auto blanks = std::count(line.begin(), line.end(), ' ');
  auto protocol = next_word(line);
  if (protocol == "UNKNOWN")
    return header; // Whatever follows on the line must be ignored.
  auto v6 = protocol == "TCP6";
  if (!v6 && protocol != "TCP4")
    return refuse("neither TCP4 nor TCP6 nor UNKNOWN");
  auto from = parse_address(next_word(line), v6);
  auto to = parse_address(next_word(line), v6);
  auto from_port = parse_port(next_word(line));
  auto to_port = parse_port(next_word(line));
  if (blanks != 4 || !from || !to || !from_port || !to_port)
    return refuse("an address or a port is malformed");
  header.source = endpoint{*from, *from_port};
  header.destination = endpoint{*to, *to_port};
  return header;
}

// -- version 2 -----------------------------------------------------------------

uint16_t read_u16(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

ip_address read_v4(std::span<const uint8_t> bytes, size_t at) {
  return ip_address::v4({bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]});
}

ip_address read_v6(std::span<const uint8_t> bytes, size_t at) {
  std::array<uint8_t, 16> address;
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), address.size(), address.begin());
  return ip_address::v6(address);
}

/// Bytes that the addresses of a family take. @source section 2.2.
size_t address_bytes(v2_family family) {
  switch (family) {
  case v2_family::inet:
    return 12;
  case v2_family::inet6:
    return 36;
  case v2_family::unix_socket:
    return 216;
  default:
    return 0;
  }
}

/// @param body the addresses and whatever follows them in the header.
void read_addresses(v2_family family, std::span<const uint8_t> body, proxy_header& header) {
  if (family == v2_family::inet) {
    header.source = endpoint{read_v4(body, 0), read_u16(body, 8)};
    header.destination = endpoint{read_v4(body, 4), read_u16(body, 10)};
  } else if (family == v2_family::inet6) {
    header.source = endpoint{read_v6(body, 0), read_u16(body, 32)};
    header.destination = endpoint{read_v6(body, 16), read_u16(body, 34)};
  }
}

parsed parse_v2(std::span<const uint8_t> bytes) {
  if (bytes.size() < v2_fixed_bytes)
    return std::nullopt;
  auto version = bytes[12] >> 4;
  auto command = bytes[12] & 0xf;
  auto family = bytes[13] >> 4;
  auto transport = bytes[13] & 0xf;
  if (version != 2)
    return refuse("an unknown version");
  if (command > int(v2_command::proxy))
    return refuse("an unknown command");
  if (family > int(v2_family::unix_socket) || transport > int(proxy_transport::datagram))
    return refuse("an unknown family or transport");
  size_t length = read_u16(bytes, 14);
  if (v2_fixed_bytes + length > limits::proxy_header_bytes_max)
    return fail(ec::too_large, "PROXY header");
  proxy_header header;
  header.size = v2_fixed_bytes + length;
  auto is_proxied = command == int(v2_command::proxy);
  if (is_proxied && length < address_bytes(v2_family(family)))
    return refuse("too short for its addresses");
  if (bytes.size() < header.size)
    return std::nullopt;
  if (is_proxied && transport != 0)
    read_addresses(v2_family(family), bytes.subspan(v2_fixed_bytes, length), header);
  return header;
}

/// @returns whether one of the two is the beginning of the other.
bool agree(std::string_view a, std::string_view b) {
  auto n = std::min(a.size(), b.size());
  return a.substr(0, n) == b.substr(0, n);
}

void append_u16(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

} // namespace

parsed parse_proxy_header(std::span<const uint8_t> bytes) {
  auto text = as_chars(bytes);
  if (agree(text, v2_signature))
    return parse_v2(bytes);
  if (!agree(text, v1_prefix))
    return refuse("there is none");
  if (text.size() < v1_prefix.size())
    return std::nullopt;
  return parse_v1(text);
}

result<proxy_header> parse_proxy_datagram(std::span<const uint8_t> bytes) {
  if (!as_chars(bytes).starts_with(v2_signature))
    return refuse("there is none");
  auto header = parse_v2(bytes);
  if (!header)
    return tl::unexpected{header.error()};
  if (!*header)
    return refuse("truncated");
  return **header;
}

void append_proxy_header_v1(std::string& out, const endpoint& source, const endpoint& destination) {
  out += v1_prefix;
  out += source.address.is_v4() ? "TCP4 " : "TCP6 ";
  out += source.address.str() + ' ' + destination.address.str() + ' ';
  out += std::to_string(source.port) + ' ' + std::to_string(destination.port) + "\r\n";
}

void append_proxy_header_v2(std::string& out, const endpoint& source, const endpoint& destination,
                            proxy_transport transport) {
  SHOAL_CHECK(source.address.family == destination.address.family);
  auto family = source.address.is_v4() ? v2_family::inet : v2_family::inet6;
  out += v2_signature;
  out += static_cast<char>(2 << 4 | int(v2_command::proxy));
  out += static_cast<char>(int(family) << 4 | int(transport));
  append_u16(out, static_cast<uint16_t>(address_bytes(family)));
  for (auto* end : {&source, &destination})
    out += as_chars({end->address.bytes.data(), end->address.size()});
  append_u16(out, source.port);
  append_u16(out, destination.port);
}

} // namespace shoal
