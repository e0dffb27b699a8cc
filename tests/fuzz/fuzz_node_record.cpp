// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_fuzzed
#include "cluster/cluster_identity.hpp"
#include "cluster/migration_marker.hpp"
#include "cluster/node_record.hpp"

using namespace shoal;
using namespace shoal::cluster;

/// What is accepted is written and read again, and is the same. The first byte chooses the decoder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  std::string_view value{reinterpret_cast<const char*>(data) + 1, size - 1};
  if (data[0] % 2 == 0) {
    auto x = decode_node_record("node-1", value);
    if (x) {
      SHOAL_CHECK(check(*x));
      auto again = decode_node_record("node-1", encode(*x));
      SHOAL_CHECK(again && *again == *x);
    } else {
      SHOAL_CHECK(x.error().code == ec::corrupt);
    }
  } else {
    if (auto x = decode_slot_holder(value))
      SHOAL_CHECK(decode_slot_holder(encode(*x)) == *x);
    if (auto x = decode_migration_marker(value))
      SHOAL_CHECK(decode_migration_marker(encode(*x)) == *x);
    if (auto x = decode_identity(value))
      SHOAL_CHECK(encode_identity(*x) == value);
  }
  return 0;
}
