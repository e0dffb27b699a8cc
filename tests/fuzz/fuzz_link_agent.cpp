// SPDX-License-Identifier: Apache-2.0
#include "core/hex.hpp"
#include "protocol/link_agent.hpp"
#include "protocol/ws_tracker.hpp"

#include <cstdlib>

using namespace shoal;

/// What is read is written and read again; what the agent is said to have said is read, too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto x = decode_link_agent(as_chars({data, size}));
  if (!x)
    return 0;
  auto again = decode_link_agent(encode(*x));
  SHOAL_CHECK(again && *again == *x);
  static ws_decoder reader;
  (void)reader.decode(x->said);
  return 0;
}
