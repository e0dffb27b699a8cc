// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.ticket_keys

#include "http/ticket_keys.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::http;
using namespace std::literals;

namespace {

const mono_time start{1000h};

ticket_keys::key key_of(char c) {
  return ticket_keys::key::from(std::string(ticket_keys::key::bytes, c));
}

} // namespace

CAF_TEST(a ticket is opened by the key that sealed it) {
  ticket_keys keys;
  auto key = keys.for_sealing(start);
  CAF_REQUIRE(key);
  auto found = keys.for_opening(key->name, start + 1h);
  CAF_REQUIRE(found);
  CAF_CHECK(found->with.cipher == key->cipher);
  CAF_CHECK(found->with.mac == key->mac);
  CAF_CHECK(!found->renew);
  CAF_CHECK(keys.for_sealing(start + ticket_keys::period - 1s)->name == key->name);
}

CAF_TEST(a key seals for a period and opens for two) {
  ticket_keys keys;
  auto first = *keys.for_sealing(start);
  auto second = *keys.for_sealing(start + ticket_keys::period);
  CAF_CHECK(first.name != second.name);
  CAF_CHECK(first.cipher != second.cipher);
  auto old = keys.for_opening(first.name, start + 2 * ticket_keys::period - 1s);
  CAF_REQUIRE(old);
  CAF_CHECK(old->renew);
  CAF_CHECK(old->with.cipher == first.cipher);
  CAF_CHECK(!keys.for_opening(first.name, start + 2 * ticket_keys::period));
  CAF_CHECK(keys.for_opening(second.name, start + 2 * ticket_keys::period));
}

CAF_TEST(a key ends in time though nobody needed another) {
  ticket_keys keys;
  auto key = *keys.for_sealing(start);
  CAF_CHECK(keys.for_opening(key.name, start + ticket_keys::period)->renew);
  CAF_CHECK(!keys.for_opening(key.name, start + 2 * ticket_keys::period));
}

CAF_TEST(other names open nothing) {
  ticket_keys keys;
  std::array<uint8_t, 16> name{};
  CAF_CHECK(!keys.for_opening(name, start));
  auto key = *keys.for_sealing(start);
  ++key.name[3];
  CAF_CHECK(!keys.for_opening(key.name, start));
  CAF_CHECK(!keys.for_opening({}, start));
}

CAF_TEST(nodes that share their keys open what others sealed) {
  ticket_keys one;
  ticket_keys other;
  one.share({key_of('b'), key_of('a')});
  other.share({key_of('a'), key_of('b')});
  auto sealed = *one.for_sealing(start);
  CAF_CHECK(sealed.name == key_of('b').name);
  auto found = other.for_opening(sealed.name, start + 1000h);
  CAF_REQUIRE(found);
  CAF_CHECK(found->with.cipher == sealed.cipher);
  CAF_CHECK(found->with.mac == sealed.mac);
  CAF_CHECK(found->renew);
  CAF_CHECK(!one.for_opening(sealed.name, start)->renew);
  other.share({key_of('c')});
  CAF_CHECK(!other.for_opening(sealed.name, start));
}

CAF_TEST(own keys open nothing once there are shared ones) {
  ticket_keys keys;
  auto own = *keys.for_sealing(start);
  keys.share({key_of('a')});
  CAF_CHECK(!keys.for_opening(own.name, start));
}
