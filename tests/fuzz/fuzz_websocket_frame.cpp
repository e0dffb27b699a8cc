// SPDX-License-Identifier: Apache-2.0
#include "core/error.hpp"
#include "protocol/websocket_frame.hpp"

#include <vector>

using namespace shoal;

namespace {

constexpr size_t message_max = 300;

struct outcome {
  std::vector<std::string> messages;
  bool broken = false;

  bool operator==(const outcome&) const = default;
};

/// Reads all frames of `bytes`, which come `chunk` bytes at a time.
outcome read_all(std::string_view bytes, size_t chunk) {
  outcome got;
  ws_assembler whole{message_max};
  std::string buffer;
  while (!bytes.empty()) {
    buffer += bytes.substr(0, chunk);
    bytes.remove_prefix(std::min(chunk, bytes.size()));
    for (;;) {
      auto step = next_ws_frame(buffer, message_max);
      if (step.what == ws_step::kind::incomplete)
        break;
      got.broken = step.what == ws_step::kind::broken;
      if (got.broken)
        return got;
      SHOAL_CHECK(step.used <= buffer.size() && step.frame.payload.size() <= message_max);
      if (step.frame.opcode <= ws_opcode::binary) {
        auto added = whole.add(step.frame);
        got.broken = added == ws_assembler::outcome::protocol_error
                     || added == ws_assembler::outcome::too_big;
        if (got.broken)
          return got;
        if (added == ws_assembler::outcome::complete)
          got.messages.emplace_back(whole.message());
      }
      buffer.erase(0, step.used);
    }
  }
  return got;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes{reinterpret_cast<const char*>(data), size};
  SHOAL_CHECK(read_all(bytes, size) == read_all(bytes, 1));
  return 0;
}
