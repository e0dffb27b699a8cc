// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "core/hex.hpp"
#include "core/limits.hpp"
#include "protocol/proxy_header.hpp"

#include <vector>

using namespace shoal;

namespace {

/// Addresses of different families come from mapped ones in a v6 header; those are not written.
void check_round_trip(const proxy_header& header) {
  if (!header.source || header.source->address.family != header.destination->address.family)
    return;
  std::string text;
  append_proxy_header_v1(text, *header.source, *header.destination);
  auto again = parse_proxy_header(as_bytes(text));
  SHOAL_CHECK(again && *again && (*again)->source == header.source);
  std::string binary;
  append_proxy_header_v2(binary, *header.source, *header.destination, proxy_transport::datagram);
  auto datagram = parse_proxy_datagram(as_bytes(binary));
  SHOAL_CHECK(datagram && datagram->destination == header.destination);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span<const uint8_t> bytes{data, size};
  auto stream = parse_proxy_header(bytes);
  if (stream && *stream) {
    auto& header = **stream;
    SHOAL_CHECK(header.size > 0 && header.size <= size);
    SHOAL_CHECK(header.size <= limits::proxy_header_bytes_max);
    SHOAL_CHECK(header.source.has_value() == header.destination.has_value());
    // Nothing behind the header matters, and nothing less than all of it is enough.
    SHOAL_CHECK(parse_proxy_header(bytes.first(header.size)) == stream);
    auto less = parse_proxy_header(bytes.first(header.size - 1));
    SHOAL_CHECK(less && !*less);
    check_round_trip(header);
  } else if (stream) {
    SHOAL_CHECK(size < limits::proxy_header_bytes_max); // Asking for more ends somewhere.
  }
  if (auto datagram = parse_proxy_datagram(bytes))
    SHOAL_CHECK(stream && *stream && **stream == *datagram);
  return 0;
}
