// SPDX-License-Identifier: Apache-2.0
#include "protocol/link_swarm.hpp"

#include <cstddef>

using namespace shoal;

namespace {

/// What is accepted is written and read again, and is the same.
template <class Decode>
void same_again(std::string_view body, Decode decode) {
  auto x = decode(body);
  if (!x)
    return;
  auto again = decode(encode(*x));
  SHOAL_CHECK(again && *again == *x);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body{reinterpret_cast<const char*>(data), size};
  same_again(body, decode_link_paired);
  same_again(body, decode_link_describe);
  same_again(body, decode_link_description);
  return 0;
}
