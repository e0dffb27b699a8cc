// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_fuzzed
#include "cluster/etcd_codec.hpp"
#include "core/hex.hpp"

using namespace shoal;
using namespace shoal::coordination;

namespace {

/// Keys exist: they have a name and a revision.
void check_key(const key_value& kv) {
  SHOAL_CHECK(!kv.key.empty() && kv.mod_revision != 0 && kv.lease >= 0);
}

void check_range(std::string_view text) {
  auto page = etcd::decode_range(text, 0);
  if (!page)
    return SHOAL_CHECK(page.error().code == ec::corrupt);
  SHOAL_CHECK(page->revision != 0 && !(page->more && page->keys.empty()));
  for (auto& kv : page->keys)
    check_key(kv);
}

void check_transaction(std::string_view text) {
  for (size_t keys_read = 0; keys_read < 3; ++keys_read) {
    auto done = etcd::decode_transaction(text, keys_read);
    if (!done)
      continue;
    SHOAL_CHECK(done->read.size() == (done->succeeded ? 0 : keys_read));
    for (auto& kv : done->read)
      if (kv)
        check_key(*kv);
  }
}

void check_watch(std::string_view text) {
  auto message = etcd::decode_watch(text);
  if (!message)
    return;
  uint64_t last = 0;
  for (auto& event : message->events) {
    check_key(event.kv);
    SHOAL_CHECK(event.kv.mod_revision >= last);
    SHOAL_CHECK(!event.erased || event.kv.value.empty());
    last = event.kv.mod_revision;
  }
}

void check_small(std::string_view text) {
  if (auto lease = etcd::decode_grant(text))
    SHOAL_CHECK(*lease > 0);
  if (auto left = etcd::decode_keep_alive(text))
    SHOAL_CHECK(*left > 0);
  if (auto revision = etcd::decode_revoke(text))
    SHOAL_CHECK(*revision > 0);
  if (auto token = etcd::decode_token(text))
    SHOAL_CHECK(!token->empty() && token->find_first_of("\r\n ") == std::string::npos);
  for (unsigned status : {200u, 404u, 503u})
    SHOAL_CHECK(etcd::decode_failure(status, text).why.detail.size() <= 512);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_chars({data, size});
  check_range(text);
  check_transaction(text);
  check_watch(text);
  check_small(text);
  return 0;
}
