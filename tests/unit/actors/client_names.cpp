// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.client_names

#include "actors/client_names.hpp"

#include <caf/test/unit_test.hpp>

#include <set>

using namespace shoal;

namespace {

peer_id id_of(std::string_view text) {
  peer_id id;
  std::copy(text.begin(), text.end(), id.bytes.begin());
  return id;
}

peer_id nth(int i) {
  char text[40];
  std::snprintf(text, sizeof(text), "-XY%04d-............", i);
  return id_of(text);
}

} // namespace

CAF_TEST(the same name gets the same number) {
  client_names names;
  auto tr = names.number_of(id_of("-TR3000-abcdefghijkl"));
  CAF_CHECK(tr != client_names::unknown && tr != client_names::others);
  CAF_CHECK_EQUAL(names.number_of(id_of("-TR3000-zzzzzzzzzzzz")), tr);
  CAF_CHECK(names.number_of(id_of("-TR3010-abcdefghijkl")) != tr);
  CAF_CHECK_EQUAL(names.name_of(tr), "-TR3000-");
}

CAF_TEST(what is not in Azureus style has no name) {
  client_names names;
  for (auto text : {"abcdefghijklmnopqrst", "-TR3000xabcdefghijkl", "-TR3 00-abcdefghijkl",
                    "-TR3\x01"
                    "00-abcdefghijkl",
                    "M7-9-2--abcdefghijkl"})
    CAF_CHECK_EQUAL(names.number_of(id_of(text)), client_names::unknown);
}

CAF_TEST(names beyond the bound are others until numbers become free) {
  client_names names;
  std::set<uint8_t> given;
  for (int i = 0; i < 254; ++i)
    given.insert(names.number_of(nth(i)));
  CAF_CHECK_EQUAL(given.size(), 254u);
  CAF_CHECK_EQUAL(names.number_of(nth(254)), client_names::others);
  std::array<uint64_t, 256> counts{};
  auto kept = names.number_of(nth(7));
  counts[kept] = 1;
  CAF_MESSAGE("a number that was given since the last review is not free yet");
  names.review(counts);
  CAF_CHECK_EQUAL(names.number_of(nth(300)), client_names::others);
  names.review(counts);
  CAF_CHECK(names.number_of(nth(300)) != client_names::others);
  CAF_CHECK_EQUAL(names.name_of(kept), "-XY0007-");
}
