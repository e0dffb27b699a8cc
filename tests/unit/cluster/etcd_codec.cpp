// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.etcd_codec

#include "cluster/etcd_codec.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace shoal::coordination;

namespace {

/// What etcd 3.4.23 wrote, shortened.
constexpr std::string_view put_done
    = R"({"header":{"cluster_id":"324952591200643719","revision":"2","raft_term":"2"},)"
      R"("succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}}]})";

constexpr std::string_view txn_failed
    = R"({"header":{"revision":"7"},"responses":[{"response_range":{"header":{"revision":"7"},)"
      R"("kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"3","version":"2",)"
      R"("value":"YmFy","lease":"77"}],"count":"1"}},{"response_range":{"header":{}}}]})";

constexpr std::string_view two_revisions
    = R"({"result":{"header":{"revision":"9"},"events":[)"
      R"({"kv":{"key":"Zm9v","create_revision":"2","mod_revision":"3","value":"YmFy"}},)"
      R"({"type":"DELETE","kv":{"key":"Zm9v","mod_revision":"4"}}]}})";

} // namespace

CAF_TEST(a transaction is written as proto3 reads it) {
  transaction what;
  what.when = {{"foo", condition::what::mod_revision, 5},
               {"foo", condition::what::create_revision, 0},
               {"foo", condition::what::lease, 77}};
  what.then = {{"foo", std::string{"bar"}, 77}, {"fo", std::nullopt, 0}, {"f", std::string{}, 0}};
  what.on_failure = {"foo"};
  CAF_CHECK(
      etcd::encode(what)
      == R"({"compare":[{"result":"EQUAL","key":"Zm9v","target":"MOD","mod_revision":"5"},)"
         R"({"result":"EQUAL","key":"Zm9v","target":"CREATE","create_revision":"0"},)"
         R"({"result":"EQUAL","key":"Zm9v","target":"LEASE","lease":"77"}],)"
         R"("success":[{"request_put":{"key":"Zm9v","value":"YmFy","lease":"77"}},)"
         R"({"request_delete_range":{"key":"Zm8="}},{"request_put":{"key":"Zg==","value":""}}],)"
         R"("failure":[{"request_range":{"key":"Zm9v"}}]})");
  CAF_CHECK(etcd::encode(transaction{}) == "{}");
}

CAF_TEST(ranges begin with the first key there can be) {
  CAF_CHECK(etcd::encode(range_query{"", std::string(1, '\0'), 10, 0})
            == R"({"key":"AA==","range_end":"AA==","limit":"10"})");
  CAF_CHECK(etcd::encode(range_query{"a", "b", 1, 12})
            == R"({"key":"YQ==","range_end":"Yg==","limit":"1","revision":"12"})");
}

CAF_TEST(a password may hold anything) {
  CAF_CHECK(etcd::encode_credentials("a\"b", "\n\\") == R"({"name":"a\"b","password":"\n\\"})");
}

CAF_TEST(a transaction that succeeded has no reads) {
  auto done = etcd::decode_transaction(put_done, 1);
  CAF_REQUIRE(done);
  CAF_CHECK(done->succeeded && done->revision == 2 && done->read.empty());
}

CAF_TEST(a transaction that failed has one read for each key) {
  auto done = etcd::decode_transaction(txn_failed, 2);
  CAF_REQUIRE(done);
  CAF_CHECK(!done->succeeded && done->revision == 7);
  CAF_REQUIRE_EQUAL(done->read.size(), 2u);
  CAF_CHECK(done->read[0] == (key_value{"foo", "bar", 2, 3, 77}));
  CAF_CHECK(!done->read[1]);
  CAF_CHECK(!etcd::decode_transaction(txn_failed, 1));
  CAF_CHECK(!etcd::decode_transaction(txn_failed, 3));
}

CAF_TEST(a page stands at the revision that was asked for) {
  constexpr auto text = R"({"header":{"revision":"9"},"more":true,"kvs":[)"
                        R"({"key":"Zm9v","create_revision":"2","mod_revision":"3"}],"count":"5"})";
  auto now = etcd::decode_range(text, 0);
  CAF_REQUIRE(now);
  CAF_CHECK(now->more && now->revision == 9);
  CAF_CHECK(now->keys == std::vector{(key_value{"foo", "", 2, 3, 0})});
  CAF_CHECK(etcd::decode_range(text, 5)->revision == 5);
}

CAF_TEST(a lease without time left has ended) {
  CAF_CHECK(etcd::decode_keep_alive(R"({"result":{"ID":"5","TTL":"9"}})").value() == 9u);
  auto ended = etcd::decode_keep_alive(R"({"result":{"ID":"5"}})");
  CAF_CHECK(!ended && ended.error().code == ec::not_found);
  CAF_CHECK(etcd::decode_grant(R"({"ID":"2324035515788381453"})").value() == 2324035515788381453);
}

CAF_TEST(events keep their order and what erased has no value) {
  auto message = etcd::decode_watch(two_revisions);
  CAF_REQUIRE(message);
  CAF_REQUIRE_EQUAL(message->events.size(), 2u);
  CAF_CHECK(message->events[0].kv == (key_value{"foo", "bar", 2, 3, 0}));
  CAF_CHECK(message->events[1].erased);
  CAF_CHECK(message->events[1].kv == (key_value{"foo", "", 0, 4, 0}));
}

CAF_TEST(a watch of what is compacted says from where there is something) {
  auto message = etcd::decode_watch(
      R"({"result":{"header":{"raft_term":"2"},"canceled":true,"compact_revision":"2"}})");
  CAF_REQUIRE(message);
  CAF_CHECK(message->canceled && message->compact_revision == 2);
}

CAF_TEST(what is no answer is refused) {
  auto deep = std::string(100'000, '[');
  const std::initializer_list<std::string_view> wrong
      = {"",
         "{",
         "[]",
         "null",
         "7",
         "{}",
         R"({"header":[]})",
         R"({"header":{"revision":"-1"}})",
         R"({"header":{"revision":"99999999999999999999"}})",
         R"({"header":{"revision":"2"}}x)",
         R"({"header":{"revision":"2"},"kvs":{}})",
         R"({"header":{"revision":"2"},"kvs":[7]})",
         R"({"header":{"revision":"2"},"kvs":[{"key":"!","mod_revision":"2"}]})",
         R"({"header":{"revision":"2"},"kvs":[{"key":"Zg=="}]})",
         R"({"header":{"revision":"2"},"more":true})",
         R"({"header":{"revision":"2"},"more":"true"})",
         "{\"header\":{\"revision\":\"2\"},\"x\":\"\xff\"}",
         deep};
  for (auto text : wrong) {
    CAF_MESSAGE(text.substr(0, 80));
    CAF_CHECK(!etcd::decode_range(text, 0));
    CAF_CHECK(!etcd::decode_watch(text));
    CAF_CHECK(!etcd::decode_grant(text));
    CAF_CHECK(!etcd::decode_keep_alive(text));
    CAF_CHECK(!etcd::decode_token(text));
  }
}

CAF_TEST(a token cannot end a header) {
  CAF_CHECK(etcd::decode_token(R"({"token":"abc.7"})").value() == "abc.7");
  CAF_CHECK(!etcd::decode_token(R"({"token":"abc\r\nHost: x"})"));
  CAF_CHECK(!etcd::decode_token(R"({"token":""})"));
}

CAF_TEST(events whose revisions go back are no message) {
  CAF_CHECK(!etcd::decode_watch(R"({"result":{"header":{"revision":"9"},"events":[)"
                                R"({"kv":{"key":"Zm9v","mod_revision":"4"}},)"
                                R"({"kv":{"key":"Zm9v","mod_revision":"3"}}]}})"));
}

namespace {

struct known {
  unsigned status;
  std::string_view text;
  etcd::verdict what;
  ec code;
};

constexpr known failures[] = {
    {400, R"({"error":"etcdserver: duplicate key given in txn request","code":3})",
     etcd::verdict::refused, ec::invalid_argument},
    {400, R"({"error":"etcdserver: request is too large","code":3})", etcd::verdict::refused,
     ec::too_large},
    {400, R"({"error":"etcdserver: mvcc: required revision has been compacted","code":11})",
     etcd::verdict::refused, ec::not_found},
    {404, R"({"error":"etcdserver: requested lease not found","code":5})", etcd::verdict::refused,
     ec::not_found},
    {403, R"({"error":"etcdserver: permission denied","code":7})", etcd::verdict::refused,
     ec::unauthorized},
    {401, R"({"error":"etcdserver: invalid auth token","code":16})", etcd::verdict::token,
     ec::unauthorized},
    {503, R"({"error":"etcdserver: no leader","code":14})", etcd::verdict::elsewhere,
     ec::unavailable},
    {503, R"({"error":"etcdserver: request timed out","code":14})", etcd::verdict::unknown,
     ec::timeout},
    {503, R"({"error":"etcdserver: leader changed","code":14})", etcd::verdict::unknown,
     ec::timeout},
    {429, R"({"error":"etcdserver: mvcc: database space exceeded","code":8})",
     etcd::verdict::refused, ec::unavailable},
    {200, R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})",
     etcd::verdict::elsewhere, ec::unavailable},
    {404, "Not Found", etcd::verdict::elsewhere, ec::unavailable},
    {502, "<html>", etcd::verdict::unknown, ec::timeout},
    {200, R"({"error":[]})", etcd::verdict::unknown, ec::timeout},
};

} // namespace

CAF_TEST(a failure says whether the request may have been done) {
  for (auto& each : failures) {
    CAF_MESSAGE(each.text);
    auto got = etcd::decode_failure(each.status, each.text);
    CAF_CHECK_EQUAL(static_cast<int>(got.what), static_cast<int>(each.what));
    CAF_CHECK_EQUAL(name(got.why.code), name(each.code));
  }
}
