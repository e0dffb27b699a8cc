// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.etcd_config

#include "cluster/etcd_config.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::coordination;

namespace {

etcd_config plain() {
  etcd_config made;
  made.endpoints = {"http://127.0.0.1:2379"};
  return made;
}

} // namespace

CAF_TEST(endpoints are a scheme and a host and a port) {
  CAF_CHECK(etcd_endpoint::parse("http://127.0.0.1:2379").value()
            == (etcd_endpoint{"127.0.0.1", 2379, false}));
  CAF_CHECK(etcd_endpoint::parse("https://etcd-1.example:2379/").value()
            == (etcd_endpoint{"etcd-1.example", 2379, true}));
  auto v6 = etcd_endpoint::parse("https://[::1]:2379");
  CAF_REQUIRE(v6);
  CAF_CHECK(v6->host == "::1" && v6->authority() == "[::1]:2379");
}

CAF_TEST(anything else is no endpoint) {
  for (auto text : {"", "127.0.0.1:2379", "http://", "http://a", "http://a:", "http://a:0",
                    "http://a:65536", "http://a:1x", "http://:2379", "ftp://a:2379",
                    "http://a:2379/v3", "http://u:p@a:2379", "http://[::1:2379", "http://::1:2379",
                    "http://a b:2379", "http://a\r\nb:2379", "http://[g]:2379"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!etcd_endpoint::parse(text));
  }
}

CAF_TEST(a configuration that cannot be meant is refused) {
  CAF_CHECK(validate(plain()).has_value());
  auto wrong = [](auto change) {
    auto cfg = plain();
    change(cfg);
    return !validate(cfg);
  };
  CAF_CHECK(wrong([](auto& cfg) { cfg.endpoints.clear(); }));
  CAF_CHECK(wrong([](auto& cfg) {
    cfg.endpoints.assign(limits::etcd_endpoints_max + 1, "http://127.0.0.1:2379");
  }));
  CAF_CHECK(wrong([](auto& cfg) { cfg.user = "a"; }));
  CAF_CHECK(wrong([](auto& cfg) { cfg.password = "a"; }));
  CAF_CHECK(wrong([](auto& cfg) { cfg.cert_file = "a"; }));
  CAF_CHECK(wrong([](auto& cfg) { cfg.connections = 0; }));
  CAF_CHECK(wrong([](auto& cfg) { cfg.connect_timeout = {}; }));
}

CAF_TEST(a password travels only through TLS or not at all) {
  auto cfg = plain();
  cfg.user = "a";
  cfg.password = "b";
  CAF_CHECK(validate(cfg).has_value());
  cfg.endpoints = {"http://etcd.example:2379"};
  CAF_CHECK(!validate(cfg));
  cfg.endpoints = {"https://etcd.example:2379"};
  CAF_CHECK(validate(cfg).has_value());
}
