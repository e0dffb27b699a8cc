// SPDX-License-Identifier: Apache-2.0
#include "core/hex.hpp"
#include "core/limits.hpp"
#include "protocol/content_type.hpp"
#include "protocol/magnet.hpp"

#include <algorithm>

using namespace shoal;

namespace {

void check_magnet(std::string_view text) {
  auto link = parse_magnet(text);
  if (!link) {
    SHOAL_CHECK(is_client_error(link.error().code) && !link.error().detail.empty());
    return;
  }
  SHOAL_CHECK(link->v1 || link->v2);
  SHOAL_CHECK(link->trackers.size() + link->web_seeds.size() + link->peers.size()
              < limits::magnet_fields_max);
  auto written = build_magnet(*link);
  auto again = parse_magnet(written);
  // Escaping triples a text, so only what still fits can come back.
  if (written.size() <= limits::magnet_bytes_max)
    SHOAL_CHECK(again && *again == *link);
}

/// Whatever the name of a file, its header is one line of ASCII with one quoted string.
void check_disposition(std::string_view text) {
  auto value = content_disposition(disposition::attachment, text);
  SHOAL_CHECK(
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
  SHOAL_CHECK(std::count(value.begin(), value.end(), '"') == 2);
  SHOAL_CHECK(value.find_first_of("/\\") == std::string::npos);
  SHOAL_CHECK(value.size() < 1200);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_chars({data, size});
  check_magnet(text);
  check_magnet("magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&" + std::string{text});
  check_disposition(text);
  SHOAL_CHECK(!content_type(text).empty());
  return 0;
}
