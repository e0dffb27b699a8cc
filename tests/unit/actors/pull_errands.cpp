// SPDX-License-Identifier: Apache-2.0
// Files that come to their homes because other nodes ask for them.
#define CAF_SUITE actors.pull_errands

#include "actors/pull_errands.hpp"

#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/origin_names.hpp"
#include "cluster/object_homes.hpp"
#include "tests/unit/actors/support/actor_fixture.hpp"
#include "tests/unit/actors/support/held_links.hpp"
#include "tests/unit/persistence/object_store_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include <future>

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

const std::string bytes(100'000, 'w');
const origin_name file{"model", "org/m", std::string(40, 'c'), "big.bin"};
const origin_name text{"model", "org/m", std::string(40, 'c'), "text.txt"};

origin_record record_of_file() {
  origin_record x;
  x.size_bytes = bytes.size();
  x.commit = file.rev;
  x.sha256 = sha256(bytes);
  x.etag = x.sha256->hex();
  return x;
}

/// Hubs say of texts only what git calls them.
origin_record record_of_text() {
  origin_record x;
  x.size_bytes = bytes.size();
  x.commit = text.rev;
  x.git_blob = sha1("any");
  x.etag = x.git_blob->hex();
  return x;
}

webseed_config origins() {
  webseed_config made;
  made.base_urls = {"http://127.0.0.1:1"};
  return made;
}

// -- who asks ----------------------------------------------------------------------------------

struct asking : actor_fixture, object_store_fixture {
  asking() {
    side = webseed_side::start(origins(), folder.path() / "webseed", *store, metrics).value();
    pull_errands_config config;
    config.side = side.get();
    config.links = &links;
    config.metrics = &metrics;
    config.there = [this] { return there; };
    config.self = "a";
    config.now = [this] { return sched.clock().now(); };
    errands = track(sys.spawn<pull_errands>(std::move(config)));
    drain();
  }
  ~asking() override {
    end_actors();
    links.end();
  }

  /// Has the nodes take the file in that order.
  void rank(const std::vector<std::string>& order) {
    auto pull = pull_of(origins().base_urls, file, record_of_file()).key;
    for (size_t i = 0; i < 1000; ++i) {
      auto suffix = std::to_string(i);
      there = {{"a", 1, "x" + suffix}, {"b" + suffix, 1, "y"}, {"c" + suffix, 1, "z"}};
      std::vector<std::string> names;
      for (auto n : cluster::rank_homes(there, pull))
        names.push_back(there[n].id.substr(0, 1));
      b = "b" + suffix;
      c = "c" + suffix;
      if (names == order)
        return;
    }
    CAF_FAIL("no nodes have that order");
  }

  auto ask(uint64_t seen_bytes = 0) {
    auto handle = post(errands, pull_errand{file, record_of_file(), seen_bytes});
    drain();
    return handle;
  }

  void answer(const std::string& node, result<std::string> with) {
    links.answer(node, std::move(with));
    drain();
  }

  void pass(std::chrono::milliseconds time) {
    for (auto step = 250ms; time > 0ms; time -= step)
      advance(step);
  }

  /// "ours", how far it is, "all", or the error.
  template <class Handle>
  std::string heard(Handle handle) {
    auto x = collect<errand_progress>(std::move(handle));
    if (!x)
      return std::string{name(x.error().code)};
    return x->is_ours ? "ours" : x->arrived ? "all" : std::to_string(x->done_bytes);
  }

  metrics::registry metrics;
  std::unique_ptr<webseed_side> side;
  held_links links{link_kind::pull_errand};
  std::vector<cluster::candidate> there;
  std::string b;
  std::string c;
  pull_errands_actor errands;
};

std::string report(uint64_t done_bytes, const std::string& arrived = {}) {
  return to_archive(errand_report{done_bytes, arrived, 0, {}});
}

std::string failed(ec code) {
  return to_archive(errand_report{0, {}, static_cast<uint8_t>(code), "why"});
}

// -- who is asked ------------------------------------------------------------------------------

/// What a pull does, as the test has it.
struct pull_world {
  std::vector<uint64_t> ready; ///< What each reading brings.
  std::function<void()> at_end = [] {};
  std::optional<ec> fails;
  std::atomic<int> opened{0};
  std::atomic<int> left{0};
};

caf::behavior fetcher_of(caf::event_based_actor*, pull_world* w) {
  auto next = std::make_shared<size_t>(0);
  return {[=](const read_pull&) -> caf::result<pull_progress> {
            if (*next >= w->ready.size())
              return w->fails ? caf::result<pull_progress>{to_caf({*w->fails, "why"})}
                              : caf::result<pull_progress>{pull_progress{7, 0, nullptr}};
            auto n = w->ready[(*next)++];
            if (*next == w->ready.size() && !w->fails)
              w->at_end();
            return pull_progress{7, n, nullptr};
          },
          [=](const leave_pull&) { ++w->left; }, [=](atom::stop) {}};
}

caf::behavior webseed_with(caf::event_based_actor* self, pull_world* w) {
  return {[=](const open_pull&) {
    ++w->opened;
    return opened_pull{caf::actor_cast<webseed_fetcher_actor>(self->spawn(fetcher_of, w)),
                       std::nullopt};
  }};
}

/// On real threads: the disk's are.
struct asked : object_store_fixture {
  asked() {
    side = webseed_side::start(origins(), folder.path() / "webseed", *store, metrics).value();
    system = std::make_unique<caf::actor_system>(config);
    webseed = system->spawn(webseed_with, &w);
    pull_errands_config c;
    c.side = side.get();
    c.links = &links;
    c.metrics = &metrics;
    c.webseed = caf::actor_cast<webseed_actor>(webseed);
    c.there = [] { return std::vector<cluster::candidate>{}; };
    c.self = "a";
    errands = system->spawn<pull_errands>(std::move(c));
  }
  ~asked() {
    for (auto x : {caf::actor_cast<caf::actor>(errands), webseed})
      caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    errands = nullptr;
    webseed = nullptr;
    system->await_all_actors_done();
    system.reset();
    side.reset();
  }

  /// Asks as another node does. @returns the answer.
  result<errand_report> ask(const origin_name& name, const origin_record& known,
                            uint64_t seen_bytes = 0) {
    return send(to_archive(
        errand_order{name.kind, name.id, name.rev, name.path, encode(known), seen_bytes}));
  }

  result<errand_report> send(std::string body) {
    auto said = std::make_shared<std::promise<result<std::string>>>();
    auto answer = said->get_future();
    auto give = [said](result<std::string> x) { said->set_value(std::move(x)); };
    caf::anon_send(
        errands,
        link_question{"b", link_kind::pull_errand, std::move(body), {}, cluster::link_reply{give}});
    return answer.get().and_then(
        [](const std::string& x) { return from_archive<errand_report>(x); });
  }

  metrics::registry metrics;
  std::unique_ptr<webseed_side> side;
  held_links links{link_kind::pull_errand};
  pull_world w;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor webseed;
  pull_errands_actor errands;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(who_asks, asking)

CAF_TEST(this node pulls what it is the home of) {
  rank({"a", "b", "c"});
  CAF_CHECK_EQUAL(heard(ask()), "ours");
  CAF_CHECK(links.asked.empty());
}

CAF_TEST(another home says how far it is until all is there) {
  rank({"b", "c", "a"});
  auto first = ask();
  answer(b, report(10));
  CAF_CHECK_EQUAL(heard(std::move(first)), "10");
  auto last = ask(10);
  answer(b, report(bytes.size(), encode(record_of_file())));
  CAF_CHECK_EQUAL(heard(std::move(last)), "all");
}

CAF_TEST(the next node pulls what the home cannot) {
  for (auto& how : {result<std::string>{fail(ec::unsupported)}, result<std::string>{"nonsense"},
                    result<std::string>{report(1, "nonsense")},
                    result<std::string>{failed(ec::storage_full)}}) {
    rank({"b", "c", "a"});
    auto asked = ask();
    answer(b, how);
    answer(c, report(3));
    CAF_CHECK_EQUAL(heard(std::move(asked)), "3");
    CAF_MESSAGE("and is asked at once the next time, for a while");
    auto again = ask();
    answer(c, how);
    CAF_CHECK_EQUAL(heard(std::move(again)), "ours");
    pass(61s);
    auto later = ask();
    answer(b, report(4));
    CAF_CHECK_EQUAL(heard(std::move(later)), "4");
  }
}

CAF_TEST(a home that says nothing for a moment goes on pulling) {
  for (auto code : {ec::unavailable, ec::timeout}) {
    rank({"b", "c", "a"});
    auto asked = ask(7);
    answer(b, fail(code));
    CAF_CHECK(links.asked.empty());
    pass(1s);
    CAF_CHECK_EQUAL(heard(std::move(asked)), "7");
    auto again = ask(7);
    answer(b, report(8));
    CAF_CHECK_EQUAL(heard(std::move(again)), "8");
    CAF_MESSAGE("one that says nothing for long is followed by the next");
    auto lost = ask(8);
    answer(b, fail(code));
    pass(10s);
    CAF_CHECK_EQUAL(heard(std::move(lost)), "8");
    auto last = ask(8);
    answer(b, fail(code));
    answer(c, report(9));
    CAF_CHECK_EQUAL(heard(std::move(last)), "9");
    pass(61s);
  }
}

CAF_TEST(a busy home is no reason for a second pull) {
  rank({"b", "c", "a"});
  auto asked = ask();
  answer(b, fail(ec::busy));
  CAF_CHECK_EQUAL(heard(std::move(asked)), "busy");
  CAF_CHECK(links.asked.empty());
}

CAF_TEST(what the origin does not give no other node is asked for) {
  rank({"b", "c", "a"});
  for (auto code : {ec::not_found, ec::unauthorized, ec::hash_mismatch, ec::busy}) {
    auto asked = ask();
    answer(b, failed(code));
    CAF_CHECK_EQUAL(heard(std::move(asked)), std::string{name(code)});
    CAF_CHECK(links.asked.empty());
  }
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST_FIXTURE_SCOPE(who_is_asked, asked)

CAF_TEST(what is here already is said to be) {
  pull(bytes);
  auto x = ask(file, record_of_file());
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->done_bytes, bytes.size());
  CAF_CHECK(decode_origin(x->arrived)->sha256 == sha256(bytes));
  CAF_CHECK_EQUAL(w.opened.load(), 0);
}

CAF_TEST(a file is pulled once and each question hears more) {
  w.ready = {40'000, 60'000};
  w.at_end = [this] { pull(bytes); };
  uint64_t seen = 0;
  result<errand_report> x;
  do {
    x = ask(file, record_of_file(), seen);
    CAF_REQUIRE(x && x->failed == 0);
    CAF_REQUIRE(x->done_bytes >= seen);
    seen = x->done_bytes;
  } while (x->arrived.empty());
  CAF_CHECK_EQUAL(seen, bytes.size());
  CAF_CHECK_EQUAL(w.opened.load(), 1);
}

CAF_TEST(what a text is called comes with it) {
  w.ready = {bytes.size()};
  w.at_end = [this] {
    pull(bytes);
    auto known = record_of_text();
    known.sha256 = sha256(bytes);
    SHOAL_CHECK(side->book().put(text_of(text), known).has_value());
  };
  result<errand_report> x;
  do {
    x = ask(text, record_of_text(), x ? x->done_bytes : 0);
    CAF_REQUIRE(x && x->failed == 0);
  } while (x->arrived.empty());
  CAF_CHECK(decode_origin(x->arrived)->sha256 == sha256(bytes));
}

CAF_TEST(who waits hears of a failure) {
  w.ready = {10};
  w.fails = ec::unauthorized;
  result<errand_report> x;
  do {
    x = ask(file, record_of_file(), x ? x->done_bytes : 0);
    CAF_REQUIRE(x);
  } while (x->failed == 0);
  CAF_CHECK(static_cast<ec>(x->failed) == ec::unauthorized);
  CAF_CHECK_EQUAL(x->why, "why");
}

CAF_TEST(nonsense is refused) {
  auto of = [this](auto change) {
    auto name = file;
    auto known = record_of_file();
    change(name, known);
    auto x = ask(name, known);
    return x ? std::nullopt : std::optional{x.error().code};
  };
  CAF_CHECK(send("nonsense").error().code == ec::invalid_argument);
  CAF_CHECK(of([](auto& name, auto&) { name.rev = "main"; }) == ec::invalid_argument);
  CAF_CHECK(of([](auto& name, auto&) { name.path = "../x"; }) == ec::invalid_argument);
  CAF_CHECK(of([](auto&, auto& known) { known.size_bytes = 0; }) == ec::invalid_argument);
  CAF_CHECK_EQUAL(w.opened.load(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
