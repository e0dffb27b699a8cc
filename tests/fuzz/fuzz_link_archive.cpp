// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_fuzzed
// What nodes say to each other about the registry. What is read is written and read again, and is
// written the same.
#include "actors/link_archive.hpp"
#include "actors/messages/catalog.hpp"
#include "actors/messages/mirror.hpp"
#include "actors/messages/object_copies.hpp"
#include "actors/messages/pull_errand.hpp"
#include "actors/messages/registry_links.hpp"

using namespace shoal;

namespace {

template <class T>
void message(std::string_view body) {
  auto x = from_archive<T>(body);
  if (!x)
    return;
  auto text = to_archive(*x);
  if (text.size() > limits::link_body_bytes_max)
    return; // Fields that were absent have been added.
  auto again = from_archive<T>(text);
  SHOAL_CHECK(again && to_archive(*again) == text);
}

} // namespace

/// The first byte chooses the message.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  constexpr void (*messages[])(std::string_view)
      = {message<lookup_entry>,   message<register_entry>,  message<publish_revision>,
         message<remove_entry>,   message<remove_revision>, message<blocked_hash>,
         message<unblock_hash>,   message<search_query>,    message<search_part>,
         message<lookup_entries>, message<entry_part>,      message<object_range>,
         message<object_piece>,   message<adopt_objects>,   message<registry_entry>,
         message<written_answer>, message<hold_objects>,    message<held_objects>,
         message<pulled_news>,    message<errand_order>,    message<errand_report>,
         message<drain_state>};
  messages[data[0] % std::size(messages)](as_chars({data + 1, size - 1}));
  return 0;
}
