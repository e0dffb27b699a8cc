// SPDX-License-Identifier: Apache-2.0
// Who is told of files that came, with links that do what the test says.
#define CAF_SUITE actors.mirror_news

#include "actors/mirror_news.hpp"

#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/origin_names.hpp"
#include "cluster/object_homes.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/actors/support/held_links.hpp"

#include <caf/event_based_actor.hpp>

using namespace shoal;
using namespace shoal::test;

namespace {

file_pulled pulled(const std::string& id, const std::string& path = "a.bin") {
  file_pulled x{{"model", id, std::string(40, 'c'), path}, {}, false};
  x.what.size_bytes = 5;
  x.what.sha256 = sha256("bytes");
  return x;
}

/// Who owns the news.
class teller : public caf::event_based_actor {
public:
  teller(caf::actor_config& cfg, mirror_news_config config, int* here)
      : event_based_actor(cfg), news_{std::move(config), caf::actor_cast<caf::actor>(this)},
        here_{here} {}

  caf::behavior make_behavior() override {
    return {[this](const file_pulled& x) { news_.tell(x, [this] { ++*here_; }); },
            [this](remote_answer& x) { news_.answer(x); }};
  }

  void on_exit() override { news_.close(); }

private:
  mirror_news news_;
  int* here_;
};

struct fixture : actor_fixture {
  fixture() {
    mirror_news_config config;
    config.links = &links;
    config.there = [this] { return there; };
    config.self = "a";
    config.now = [this] { return sched.clock().now(); };
    teller = track(sys.spawn<::teller>(std::move(config), &here));
    drain();
  }
  ~fixture() override {
    end_actors();
    links.end();
  }

  void tell(const file_pulled& x) {
    caf::anon_send(teller, x);
    drain();
  }

  void answer(const std::string& node, result<std::string> with) {
    links.answer(node, std::move(with));
    drain();
  }

  /// A commit that nodes register in that order.
  file_pulled ranked(const std::vector<std::string>& order) const {
    for (int i = 0; i < 1000; ++i) {
      auto x = pulled("org/model" + std::to_string(i));
      std::vector<std::string> names;
      for (auto n : cluster::rank_homes(there, sha256("mirror " + revision_text(x.name))))
        names.push_back(there[n].id);
      if (names == order)
        return x;
    }
    CAF_FAIL("no commit has that order");
    return {};
  }

  held_links links{link_kind::pulled_file};
  std::vector<cluster::candidate> there{{"a", 1, "x"}, {"b", 1, "y"}, {"c", 1, "z"}};
  caf::actor teller;
  int here = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(mirror_news_tests, fixture)

CAF_TEST(the node that registers the commit is told) {
  tell(ranked({"b", "a", "c"}));
  CAF_REQUIRE_EQUAL(links.asked.count("b"), 1u);
  answer("b", std::string{});
  CAF_CHECK(links.asked.empty());
  CAF_CHECK_EQUAL(here, 0);
}

CAF_TEST(a node that cannot be told is passed over) {
  tell(ranked({"c", "b", "a"}));
  answer("c", fail(ec::unavailable));
  answer("b", fail(ec::unsupported, "asks no origins"));
  CAF_CHECK(links.asked.empty());
  CAF_CHECK_EQUAL(here, 1);
}

CAF_TEST(nobody is told what is this nodes own to register) {
  tell(ranked({"a", "b", "c"}));
  CAF_CHECK(links.asked.empty());
  CAF_CHECK_EQUAL(here, 1);
  CAF_MESSAGE("nor if all nodes leave");
  there.clear();
  tell(pulled("org/model"));
  CAF_CHECK_EQUAL(here, 2);
}

CAF_TEST(all files of a commit have one node) {
  tell(pulled("org/model", "a.bin"));
  tell(pulled("org/model", "b.bin"));
  CAF_CHECK(here == 2 || links.asked.count(links.asked.begin()->first) == 2);
}

CAF_TEST(only what can have come is believed) {
  auto x = pulled("org/model");
  auto said = [](const file_pulled& what) {
    return read_news(to_archive(pulled_news{what.name.kind, what.name.id, what.name.rev,
                                            what.name.path, encode(what.what)}));
  };
  auto good = said(x);
  CAF_REQUIRE(good);
  CAF_CHECK(good->told && good->name == x.name && good->what == x.what);
  auto away = x;
  away.name.path = "../a.bin";
  CAF_CHECK(!said(away));
  auto strange = x;
  strange.name.id = "no model";
  CAF_CHECK(!said(strange));
  auto unknown = x;
  unknown.what.sha256.reset();
  CAF_CHECK(!said(unknown));
  CAF_CHECK(!read_news(""));
  CAF_CHECK(!read_news("garbage"));
}

CAF_TEST_FIXTURE_SCOPE_END()
