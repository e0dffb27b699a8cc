// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE udp.url_passkey

#include "udp/url_passkey.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

std::string found(std::string_view url) {
  return udp::passkey_of_url(url);
}

} // namespace

CAF_TEST(a passkey stands in the path or in the query) {
  CAF_CHECK_EQUAL(found("/announce/alice.00ff"), "alice.00ff");
  CAF_CHECK_EQUAL(found("/announce/alice.00ff?x=1"), "alice.00ff");
  CAF_CHECK_EQUAL(found("/announce?passkey=alice.00ff"), "alice.00ff");
  CAF_CHECK_EQUAL(found("/?a=b&passkey=alice.00ff&passkey=c"), "alice.00ff");
  CAF_CHECK_EQUAL(found("?passkey=alice.00ff"), "alice.00ff");
}

CAF_TEST(the path goes before the query) {
  CAF_CHECK_EQUAL(found("/announce/alice.00ff?passkey=bob.00ff"), "alice.00ff");
  CAF_CHECK_EQUAL(found("/announce/?passkey=bob.00ff"), "bob.00ff");
}

CAF_TEST(escapes are decoded once) {
  CAF_CHECK_EQUAL(found("/announce/a%2Fb%252e"), "a/b%2e");
  CAF_CHECK_EQUAL(found("/announce?passkey=a%20b+c"), "a b+c");
}

CAF_TEST(what is no passkey is none) {
  for (auto url : {"", "/", "/announce", "/announce/", "/announced/x", "/scrape/x", "/announce?x",
                   "/announce?passkey", "/announce/%", "/announce/%zz"})
    CAF_CHECK_EQUAL(found(url), "");
  CAF_CHECK_EQUAL(found("/announce/" + std::string(limits::passkey_bytes_max + 1, 'x')), "");
}
