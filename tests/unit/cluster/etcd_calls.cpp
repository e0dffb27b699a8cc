// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.etcd_calls

#include "core/limits.hpp"
#include "tests/unit/cluster/support/fake_etcd.hpp"
#include "tests/unit/cluster/support/loop.hpp"

#include <boost/asio/post.hpp>

#include <list>

using namespace shoal;
using namespace shoal::coordination;
using namespace shoal::test;
using namespace std::literals;

namespace {

constexpr auto txn_done = R"({"header":{"revision":"2"},"succeeded":true})";
constexpr auto page = R"({"header":{"revision":"2"},"kvs":[{"key":"Zm9v","mod_revision":"2"}]})";
constexpr auto no_leader = R"({"error":"etcdserver: no leader","code":14})";
constexpr auto bad_token = R"({"error":"etcdserver: invalid auth token","code":16})";

const range_query everything{"", std::string(1, '\0'), 1000, 0};

fake_etcd::reply silence() {
  return {};
}

/// Half of an answer, then the end.
fake_etcd::reply cut(fake_etcd::reply::end how) {
  return {{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"header\""}, how};
}

struct fixture : loop {
  std::unique_ptr<etcd_client> client(std::initializer_list<fake_etcd*> servers) {
    for (auto* server : servers)
      cfg.endpoints.push_back(server->url());
    return std::move(etcd_client::make(io, cfg).value());
  }

  /// How one commit ends.
  void commit(store& at, answer<transaction_result>& into, mono_time deadline = soon()) {
    at.commit(put("foo", "bar"), deadline, into.taker());
    until([&] { return into.here(); });
  }

  void read(store& at, answer<range_page>& into, range_query what = everything) {
    at.read(std::move(what), soon(), into.taker());
    until([&] { return into.here(); });
  }

  etcd_config cfg = patient();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_calls_tests, fixture)

CAF_TEST(requests share a connection that is kept alive) {
  fake_etcd server{io, [](auto&) { return ok(txn_done); }};
  auto etcd = client({&server});
  for (int i = 0; i < 3; ++i) {
    answer<transaction_result> done;
    commit(*etcd, done);
    CAF_CHECK(done.get() && done.get()->succeeded);
  }
  CAF_CHECK(server.accepted() == 1);
  CAF_CHECK(server.requests()[0].path == "/v3/kv/txn");
  CAF_CHECK(server.requests()[0].head.find("Grpc-Metadata-hasleader: true") != std::string::npos);
}

CAF_TEST(a connection that was closed while idle is not used again) {
  fake_etcd server{io, [](auto&) { return ok(txn_done); }};
  auto etcd = client({&server});
  for (size_t i = 1; i <= 3; ++i) {
    answer<transaction_result> done;
    commit(*etcd, done);
    CAF_CHECK(done.get().has_value());
    CAF_CHECK(server.accepted() == i);
    server.drop_all();
  }
}

CAF_TEST(nobody knows what became of a commit without a whole answer) {
  for (auto how : {fake_etcd::reply::end::close, fake_etcd::reply::end::reset}) {
    cfg = patient();
    fake_etcd server{io, [how](auto&) { return cut(how); }};
    auto etcd = client({&server});
    answer<transaction_result> done;
    commit(*etcd, done);
    CAF_CHECK(done.failed(ec::timeout));
    CAF_CHECK(server.requests().size() == 1);
  }
}

CAF_TEST(nobody knows what a commit did whose answer is no answer) {
  const std::vector<fake_etcd::reply> replies{
      ok("garbage"),
      ok("{}"),
      ok("[[[["),
      {{"SSH-2.0-OpenSSH\r\n"}, fake_etcd::reply::end::close},
      {{"\r\n\r\n"}, fake_etcd::reply::end::close},
      status(500, "oops"),
      {{chunked_head() + "zz\r\n"}},
      {{std::string(100'000, 'x')}}};
  for (auto& reply : replies) {
    cfg = patient();
    fake_etcd server{io, [&](auto&) { return reply; }};
    auto etcd = client({&server});
    answer<transaction_result> done;
    commit(*etcd, done);
    CAF_CHECK(done.failed(ec::timeout));
    CAF_CHECK(server.requests().size() == 1);
  }
}

CAF_TEST(a read that breaks off is asked again elsewhere) {
  fake_etcd bad{io, [](auto&) { return cut(fake_etcd::reply::end::reset); }};
  fake_etcd good{io, [](auto&) { return ok(page); }};
  auto etcd = client({&bad, &good});
  answer<range_page> got;
  read(*etcd, got);
  CAF_REQUIRE(got.get());
  CAF_CHECK(got.get()->keys[0].key == "foo");
  CAF_CHECK(etcd->health().failovers == 1 && etcd->health().reachable);
  auto seen = etcd->health().endpoints;
  CAF_CHECK(seen[0].up == false && seen[0].failures == 1 && !seen[0].preferred);
  CAF_CHECK(seen[1].up == true && seen[1].failures == 0 && seen[1].preferred);
}

CAF_TEST(endpoints that do no work are asked whether they are there) {
  fake_etcd good{io, [](auto&) { return ok(page); }};
  fake_etcd idle{io, [](auto&) { return status(401, bad_token); }};
  fake_etcd mute{io, [](auto&) { return silence(); }};
  cfg.probe_period = 10ms;
  cfg.answer_timeout = 200ms;
  auto etcd = client({&good, &idle, &mute});
  answer<range_page> got;
  read(*etcd, got);
  auto up = [&](size_t which) { return etcd->health().endpoints[which].up; };
  until([&] { return up(1) == true && up(2) == false; });
  idle.stop_listening();
  idle.drop_all();
  until([&] { return up(1) == false; });
  auto seen = etcd->health().endpoints;
  CAF_CHECK(seen[0].endpoint == good.url().substr(7) && seen[0].up == true && seen[0].preferred);
  CAF_CHECK(seen[0].failures == 0 && seen[1].failures > 0 && seen[2].failures > 0);
  CAF_CHECK(etcd->health().failovers == 0 && !seen[1].preferred);
}

CAF_TEST(a read that gets no answer is asked again elsewhere) {
  fake_etcd mute{io, [](auto&) { return silence(); }};
  fake_etcd good{io, [](auto&) { return ok(page); }};
  cfg.answer_timeout = 20ms;
  auto etcd = client({&mute, &good});
  answer<range_page> got;
  read(*etcd, got);
  CAF_CHECK(got.get().has_value());
  answer<range_page> next;
  read(*etcd, next);
  CAF_CHECK(mute.requests().size() == 1 && good.requests().size() == 2);
}

CAF_TEST(a slow commit ends with its deadline and its late answer is nobodys) {
  fake_etcd mute{io, [](auto&) { return silence(); }};
  fake_etcd good{io, [](auto&) { return ok(txn_done); }};
  cfg.answer_timeout = 10ms;
  auto etcd = client({&mute, &good});
  answer<transaction_result> done;
  commit(*etcd, done, within(50ms));
  CAF_CHECK(done.failed(ec::timeout));
  until([&] { return mute.open() == 1; });
  CAF_MESSAGE("the next one does not wait for that endpoint");
  answer<transaction_result> next;
  commit(*etcd, next);
  CAF_CHECK(next.get().has_value() && done.once());
  CAF_CHECK(mute.requests().size() == 1 && good.requests().size() == 1);
}

CAF_TEST(commits that get no answer are in nobodys way) {
  fake_etcd mute{io, [](auto&) { return silence(); }};
  fake_etcd good{io, [](auto&) { return ok(txn_done); }};
  cfg.answer_timeout = 20ms;
  cfg.connections = 1;
  auto etcd = client({&mute, &good});
  answer<transaction_result> stuck;
  answer<transaction_result> next;
  etcd->commit(put("foo", "1"), soon(), stuck.taker());
  etcd->commit(put("foo", "2"), soon(), next.taker());
  until([&] { return next.here(); });
  CAF_CHECK(next.get().has_value() && !stuck.here());
  CAF_CHECK(etcd->health().requests == 1);
}

CAF_TEST(endpoints that nobody listens at are passed by) {
  fake_etcd gone{io, [](auto&) { return silence(); }};
  fake_etcd good{io, [](auto&) { return ok(txn_done); }};
  auto etcd = client({&gone, &good});
  gone.stop_listening();
  answer<transaction_result> done;
  commit(*etcd, done);
  CAF_CHECK(done.get().has_value());
  good.stop_listening();
  good.drop_all();
  answer<transaction_result> last;
  commit(*etcd, last);
  CAF_CHECK(last.failed(ec::unavailable));
  CAF_CHECK(!etcd->health().reachable);
}

CAF_TEST(a request that was never wholly written goes elsewhere) {
  fake_etcd bad{io, [](auto&) { return silence(); }};
  fake_etcd good{io, [](auto&) { return ok(txn_done); }};
  bad.reset_early();
  auto etcd = client({&bad, &good});
  answer<transaction_result> done;
  etcd->commit(put("foo", std::string(16 * 1024 * 1024, 'x')), soon(), done.taker());
  until([&] { return done.here(); });
  CAF_CHECK(done.get().has_value());
  CAF_CHECK(bad.requests().empty() && good.requests().size() == 1);
}

CAF_TEST(without a leader all are asked until there is one) {
  int asked = 0;
  auto script = [&](auto&) { return ++asked < 5 ? status(503, no_leader) : ok(txn_done); };
  fake_etcd one{io, script};
  fake_etcd other{io, script};
  auto etcd = client({&one, &other});
  answer<transaction_result> done;
  commit(*etcd, done);
  CAF_CHECK(done.get().has_value());
  CAF_CHECK(asked == 5 && !one.requests().empty() && !other.requests().empty());
}

CAF_TEST(without a leader for long a commit is certainly not done) {
  fake_etcd server{io, [](auto&) { return status(503, no_leader); }};
  cfg.answer_timeout = 30ms;
  auto etcd = client({&server});
  answer<transaction_result> done;
  commit(*etcd, done);
  CAF_CHECK(done.failed(ec::unavailable));
}

CAF_TEST(answers may be cut into chunks anywhere) {
  for (size_t at = 1; at < std::string_view{page}.size(); ++at) {
    auto text = std::string{page};
    auto whole = chunked_head() + chunk(text.substr(0, at)) + chunk(text.substr(at)) + chunk("");
    auto split = chunked_head().size() + at;
    cfg = patient();
    auto script = [&](auto&) {
      return fake_etcd::reply{{whole.substr(0, split), whole.substr(split)}};
    };
    fake_etcd server{io, script};
    auto etcd = client({&server});
    answer<range_page> got;
    read(*etcd, got);
    CAF_REQUIRE(got.get());
    CAF_REQUIRE(got.get()->keys[0].key == "foo");
  }
}

CAF_TEST(an answer that is too large is not read but asked for in parts) {
  const auto length = std::to_string(limits::etcd_answer_bytes_max + 1);
  const std::vector<fake_etcd::reply> huge{
      {{"HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n"}},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"}},
      {{chunked_head() + "7fffffff\r\n{"}}};
  for (auto& reply : huge) {
    cfg = patient();
    auto script = [&](auto& asked) {
      auto small = asked.body.find(R"("limit":"15")") != std::string::npos;
      return small ? ok(page) : reply;
    };
    fake_etcd server{io, script};
    auto etcd = client({&server});
    answer<range_page> got;
    read(*etcd, got);
    CAF_CHECK(got.get().has_value());
    CAF_CHECK(server.requests().size() == 3);
    answer<range_page> one;
    read(*etcd, one, {"a", "b", 1, 0});
    CAF_CHECK(one.failed(ec::too_large));
  }
}

CAF_TEST(requests beyond the limit are refused at once) {
  fake_etcd mute{io, [](auto&) { return silence(); }};
  auto etcd = client({&mute});
  std::list<answer<transaction_result>> all;
  for (size_t i = 0; i < limits::etcd_requests_max; ++i)
    etcd->commit(put("foo", "bar"), soon(), all.emplace_back().taker());
  answer<transaction_result> refused;
  etcd->commit(put("foo", "bar"), soon(), refused.taker());
  CAF_CHECK(!refused.here());
  until([&] { return refused.here(); });
  CAF_CHECK(refused.failed(ec::unavailable));
  until([&] { return mute.requests().size() == cfg.connections; });
  CAF_CHECK(mute.accepted() == cfg.connections);
  CAF_CHECK(etcd->health().requests == limits::etcd_requests_max);
  etcd.reset();
  for (auto& each : all)
    CAF_CHECK(each.once() && each.failed(ec::shutting_down));
}

CAF_TEST(requests wait for a connection and go in turn) {
  fake_etcd server{io, [](auto&) { return ok(txn_done); }};
  cfg.connections = 2;
  auto etcd = client({&server});
  std::list<answer<transaction_result>> all;
  for (int i = 0; i < 50; ++i)
    etcd->commit(put("foo", std::to_string(i)), soon(), all.emplace_back().taker());
  until([&] { return all.back().here(); });
  until([&] { return etcd->health().requests == 0; });
  for (auto& each : all)
    CAF_CHECK(each.once() && each.get().has_value());
  CAF_CHECK(server.accepted() == 2);
}

CAF_TEST(nobody overtakes those that wait for a connection) {
  fake_etcd server{io, [](auto&) { return ok(txn_done); }};
  cfg.connections = 1;
  auto etcd = client({&server});
  std::string order;
  std::function<void(int)> again = [&](int left) {
    etcd->commit(put("foo", "bar"), soon(), [&, left](auto) {
      order += 'a';
      if (left > 0)
        again(left - 1);
    });
  };
  again(4);
  etcd->commit(put("foo", "bar"), soon(), [&](auto) { order += 'b'; });
  until([&] { return order.size() == 6; });
  CAF_CHECK_EQUAL(order, "abaaaa");
}

CAF_TEST(whoever is called back may ask again or end it all) {
  fake_etcd server{io, [](auto&) { return ok(txn_done); }};
  auto etcd = client({&server});
  answer<transaction_result> second;
  bool ended = false;
  etcd->commit(put("foo", "bar"), soon(), [&](auto) {
    etcd->commit(put("foo", "bar"), soon(), second.taker());
    CAF_CHECK(!second.here());
    etcd.reset();
    ended = true;
  });
  until([&] { return ended && second.here(); });
  CAF_CHECK(second.failed(ec::shutting_down));
}

CAF_TEST(a deadline that is over and a range of nothing are answered later) {
  fake_etcd server{io, [](auto&) { return ok(txn_done); }};
  auto etcd = client({&server});
  answer<transaction_result> late;
  answer<range_page> nothing;
  etcd->commit(put("foo", "bar"), mono_now(), late.taker());
  etcd->read({"b", "a", 10, 0}, soon(), nothing.taker());
  CAF_CHECK(!late.here() && !nothing.here());
  until([&] { return late.here() && nothing.here(); });
  CAF_CHECK(late.failed(ec::timeout) && nothing.failed(ec::invalid_argument));
  CAF_CHECK(server.requests().empty());
}

CAF_TEST(a token that counts no more is renewed once for all) {
  int logins = 0;
  auto script = [&](const fake_etcd::request& asked) {
    if (asked.path == "/v3/auth/authenticate")
      return ok(R"({"token":"token.)" + std::to_string(++logins) + "\"}");
    auto valid = logins == 2 && asked.head.find("Authorization: token.2") != std::string::npos;
    return valid ? ok(txn_done) : status(401, bad_token);
  };
  fake_etcd server{io, script};
  cfg.user = "shoal";
  cfg.password = "secret";
  auto etcd = client({&server});
  std::list<answer<transaction_result>> all;
  for (int i = 0; i < 40; ++i)
    etcd->commit(put("foo", "bar"), soon(), all.emplace_back().taker());
  until([&] { return etcd->health().requests == 0; });
  for (auto& each : all)
    CAF_CHECK(each.once() && each.get().has_value());
  CAF_CHECK(logins == 2);
}

CAF_TEST(a wrong password is told and not tried for ever) {
  fake_etcd server{io, [](const fake_etcd::request& asked) {
                     return asked.path == "/v3/auth/authenticate"
                                ? status(400, R"({"error":"authentication failed","code":3})")
                                : status(401, bad_token);
                   }};
  cfg.user = "shoal";
  cfg.password = "wrong";
  auto etcd = client({&server});
  answer<transaction_result> done;
  commit(*etcd, done);
  CAF_CHECK(done.failed(ec::unauthorized));
  CAF_CHECK(server.requests().size() == 1);
}

CAF_TEST(an etcd that asks for no password gets on without) {
  fake_etcd server{io, [](const fake_etcd::request& asked) {
                     return asked.path == "/v3/auth/authenticate" ? status(
                                412, R"({"error":"authentication is not enabled","code":9})")
                                                                  : ok(txn_done);
                   }};
  cfg.user = "shoal";
  cfg.password = "secret";
  auto etcd = client({&server});
  answer<transaction_result> done;
  commit(*etcd, done);
  CAF_CHECK(done.get().has_value());
}

CAF_TEST_FIXTURE_SCOPE_END()
