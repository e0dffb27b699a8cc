// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_fuzzed
#include "cluster/link_frame.hpp"
#include "core/limits.hpp"

using namespace shoal;
using namespace shoal::cluster;

namespace {

/// What is accepted is written and read again, and is the same.
void check_round_trip(const link_frame& frame) {
  std::string bytes;
  encode(frame, bytes);
  link_frame_reader reader;
  reader.feed(bytes);
  auto again = reader.next();
  SHOAL_CHECK(again && *again && **again == frame);
}

} // namespace

/// The first byte says in which pieces the stream arrives, and what the limit is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  std::string_view stream{reinterpret_cast<const char*>(data) + 1, size - 1};
  size_t piece = data[0] % 64 + 1;
  link_frame_reader reader;
  if (data[0] >= 128)
    reader.limit(limits::link_greeting_bytes_max);
  for (size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.substr(at, piece));
    for (;;) {
      auto next = reader.next();
      if (!next) {
        SHOAL_CHECK(next.error().code == ec::corrupt || next.error().code == ec::too_large);
        return 0;
      }
      if (!*next)
        break;
      check_round_trip(**next);
    }
  }
  return 0;
}
