// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE cluster.etcd_watch

#include "cluster/etcd_watch.hpp"

#include "tests/unit/cluster/support/fake_etcd.hpp"
#include "tests/unit/cluster/support/loop.hpp"

using namespace shoal;
using namespace shoal::coordination;
using namespace shoal::test;
using namespace std::literals;

namespace {

constexpr auto created = R"({"result":{"header":{"revision":"7"},"created":true}})";
constexpr auto progress = R"({"result":{"header":{"revision":"20"}}})";
constexpr auto compacted = R"({"result":{"header":{},"canceled":true,"compact_revision":"5"}})";
constexpr auto denied = R"({"result":{"header":{"revision":"7"},"created":true,"canceled":true,)"
                        R"("cancel_reason":"etcdserver: permission denied"}})";

std::string event(uint64_t revision) {
  return R"({"kv":{"key":"Zm9v","mod_revision":")" + std::to_string(revision) + "\"}}";
}

/// A message with an event for each revision.
std::string events(std::initializer_list<uint64_t> revisions, bool fragment = false) {
  std::string out;
  for (auto revision : revisions)
    out += (out.empty() ? "" : ",") + event(revision);
  return R"({"result":{"header":{"revision":"99"},)" + (fragment ? R"("fragment":true,)"s : ""s)
         + "\"events\":[" + out + "]}}";
}

fake_etcd::reply stream(std::initializer_list<std::string> lines) {
  fake_etcd::reply made{{chunked_head()}};
  for (auto& line : lines)
    made.pieces.push_back(chunk(line + "\n"));
  return made;
}

struct fixture : loop {
  /// Follows everything from revision 8 on, where `created` stands.
  void follow(fake_etcd& server) {
    cfg.endpoints.push_back(server.url());
    follow();
  }

  void follow() {
    etcd = std::move(etcd_client::make(io, cfg).value());
    held = etcd->follow("", std::string(1, '\0'), 0, seen);
  }

  std::vector<uint64_t> revisions() const {
    std::vector<uint64_t> all;
    for (auto& each : seen.changes)
      all.push_back(each.revision);
    return all;
  }

  etcd_config cfg = patient();
  recorder seen;
  std::unique_ptr<etcd_client> etcd;
  std::unique_ptr<watch> held;
};

using numbers = std::vector<uint64_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(etcd_watch_tests, fixture)

CAF_TEST(each revision is told once and whole) {
  fake_etcd server{io, [](auto&) {
                     return stream({created, events({8, 8, 9}), progress, events({21})});
                   }};
  follow(server);
  until([&] { return seen.changes.size() == 4; });
  CAF_CHECK(seen.began == numbers{7});
  CAF_CHECK((revisions() == numbers{8, 9, 20, 21}));
  CAF_CHECK(seen.changes[0].events.size() == 2 && seen.changes[2].events.empty());
  CAF_CHECK(seen.losses.empty());
}

CAF_TEST(a revision in fragments is held back until it is whole) {
  fake_etcd server{
      io, [](auto&) {
        return stream({created, events({8, 9}, true), events({9, 9}, true), events({9, 10})});
      }};
  follow(server);
  until([&] { return seen.changes.size() == 3; });
  CAF_CHECK((revisions() == numbers{8, 9, 10}));
  CAF_CHECK(seen.changes[1].events.size() == 4);
}

CAF_TEST(a half revision is not told when the connection ends) {
  fake_etcd server{io, [](auto&) {
                     auto made = stream({created, events({8, 9}, true)});
                     made.then = fake_etcd::reply::end::reset;
                     return made;
                   }};
  follow(server);
  until([&] { return seen.ended(); });
  CAF_CHECK(revisions() == numbers{8});
  CAF_CHECK(seen.losses == std::vector{ec::unavailable});
  CAF_CHECK(etcd->health().watches == 0);
}

CAF_TEST(lines may be cut anywhere) {
  const auto text = std::string{created} + '\n' + events({8}) + '\n' + events({9}) + '\n';
  for (size_t at = 1; at < text.size(); at += 3) {
    cfg = patient();
    seen.changes.clear();
    fake_etcd server{io, [&](auto&) {
                       return fake_etcd::reply{
                           {chunked_head() + chunk(text.substr(0, at)), chunk(text.substr(at))}};
                     }};
    follow(server);
    until([&] { return seen.changes.size() == 2 || seen.ended(); });
    CAF_REQUIRE((revisions() == numbers{8, 9}));
    held.reset();
  }
}

CAF_TEST(what is compacted cannot be followed) {
  fake_etcd server{io, [](auto&) { return stream({created, compacted}); }};
  follow(server);
  until([&] { return seen.ended(); });
  CAF_CHECK(seen.losses == std::vector{ec::not_found});
}

CAF_TEST(a watch that begins elsewhere than told is broken) {
  const std::vector<fake_etcd::reply> broken{
      stream({created, events({7})}),
      stream({events({8})}),
      stream({created, created}),
      stream({created, events({9}), events({9})}),
      stream({created, "{}"}),
      stream({"garbage"}),
      {{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"}},
      {{chunked_head() + "7fffffff\r\n{"}}};
  for (auto& reply : broken) {
    cfg = patient();
    seen.losses.clear();
    fake_etcd server{io, [&](auto&) { return reply; }};
    follow(server);
    until([&] { return seen.ended(); });
    CAF_CHECK(seen.losses == std::vector{ec::unavailable});
    held.reset();
  }
}

CAF_TEST(an endpoint that does not start a watch is passed by) {
  fake_etcd bad{
      io, [](auto&) { return status(503, R"({"error":"etcdserver: no leader","code":14})"); }};
  fake_etcd mute{io, [](auto&) { return fake_etcd::reply{}; }};
  fake_etcd good{io, [](auto&) { return stream({created}); }};
  cfg.watch_check = 20ms;
  cfg.endpoints = {bad.url(), mute.url(), good.url()};
  follow();
  until([&] { return !seen.began.empty() || seen.ended(); });
  CAF_CHECK(seen.began == numbers{7});
  CAF_CHECK(bad.requests().size() == 1 && mute.requests().size() == 1);
}

CAF_TEST(a member that falls silent is left) {
  bool stopped = false;
  fake_etcd server{io, [&](const fake_etcd::request& asked) {
                     if (asked.path == "/v3/watch")
                       return stream({created});
                     return stopped ? fake_etcd::reply{} : ok("{}");
                   }};
  cfg.watch_check = 20ms;
  follow(server);
  until([&] { return server.requests().size() >= 4; });
  CAF_MESSAGE("as long as it answers nothing is wrong");
  CAF_CHECK(seen.losses.empty());
  stopped = true;
  until([&] { return seen.ended(); });
  CAF_CHECK(seen.losses == std::vector{ec::unavailable});
}

CAF_TEST(a token that has expired is renewed for a watch too) {
  int logins = 0;
  fake_etcd server{io, [&](const fake_etcd::request& asked) {
                     if (asked.path == "/v3/auth/authenticate")
                       return ok(R"({"token":"token.)" + std::to_string(++logins) + "\"}");
                     return logins == 2 ? stream({created})
                                        : stream({denied + "\n"s + events({8})});
                   }};
  cfg.user = "shoal";
  cfg.password = "secret";
  follow(server);
  until([&] { return !seen.began.empty() || seen.ended(); });
  CAF_CHECK(seen.began == numbers{7} && logins == 2);
}

CAF_TEST(who may not watch is told so) {
  fake_etcd server{io, [](const fake_etcd::request& asked) {
                     return asked.path == "/v3/auth/authenticate" ? ok(R"({"token":"a"})")
                                                                  : stream({denied});
                   }};
  cfg.user = "shoal";
  cfg.password = "secret";
  follow(server);
  until([&] { return seen.ended(); });
  CAF_CHECK(seen.began.empty() && seen.losses == std::vector{ec::unauthorized});
}

CAF_TEST(a watcher may drop the watch while it is told) {
  fake_etcd server{io, [](auto&) { return stream({created, events({8, 9, 10}), events({11})}); }};
  seen.on_change = [&] { held.reset(); };
  follow(server);
  until([&] { return server.accepted() == 1 && server.open() == 1 && !seen.changes.empty(); });
  until([&] { return etcd->health().watches == 0; });
  CAF_CHECK((revisions() == numbers{8}) && seen.losses.empty());
}

CAF_TEST(a client that dies loses its watches) {
  fake_etcd server{io, [](auto&) { return stream({created}); }};
  follow(server);
  until([&] { return !seen.began.empty(); });
  etcd.reset();
  CAF_CHECK(seen.losses == std::vector{ec::shutting_down});
}

CAF_TEST(a range of nothing cannot be followed) {
  fake_etcd server{io, [](auto&) { return stream({created}); }};
  cfg.endpoints.push_back(server.url());
  etcd = std::move(etcd_client::make(io, cfg).value());
  held = etcd->follow("b", "a", 0, seen);
  CAF_CHECK(seen.losses.empty());
  until([&] { return seen.ended(); });
  CAF_CHECK(seen.losses == std::vector{ec::invalid_argument});
}

CAF_TEST_FIXTURE_SCOPE_END()
