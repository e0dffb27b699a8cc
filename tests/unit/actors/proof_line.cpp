// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.proof_line

#include "actors/proof_line.hpp"

#include "actors/registry_peers.hpp"
#include "core/limits.hpp"
#include "tests/unit/actors/support/quiet_service.hpp"

#include <caf/test/dsl.hpp>

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;

namespace {

struct proving_service : quiet_service {
  uint64_t proven() const override { return proven_to; }
  uint64_t proven_to = 0;
};

struct fixture {
  fixture() {
    peers.service = &service;
    peers.now = [this] { return now; };
  }

  bool join(std::string name, std::chrono::milliseconds patience = 1s) {
    return line.join(now + patience, [this, name = std::move(name)](bool is_proven) {
      told.push_back(name + (is_proven ? "+" : "-"));
    });
  }

  mono_time now{1h};
  proving_service service;
  registry_peers peers;
  proof_line line{peers};
  std::vector<std::string> told;
};

using names = std::vector<std::string>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(proof_line_tests, fixture)

CAF_TEST(each waits for the proof that it asked for) {
  CAF_CHECK(join("a"));
  CAF_CHECK(!join("b"));
  CAF_CHECK(line.look());
  CAF_CHECK(told.empty());
  service.proven_to = 1;
  CAF_CHECK(line.look());
  CAF_CHECK_EQUAL(told, names{"a+"});
  service.proven_to = 7;
  CAF_CHECK(!line.look());
  CAF_CHECK_EQUAL(told, (names{"a+", "b+"}));
  CAF_MESSAGE("nobody looks any more");
  CAF_CHECK(join("c"));
}

CAF_TEST(nobody waits beyond its time) {
  join("short", 100ms);
  join("long");
  now += 100ms;
  CAF_CHECK(line.look());
  CAF_CHECK_EQUAL(told, names{"short-"});
}

CAF_TEST(who is told may ask again) {
  CAF_CHECK(line.join(now + 1s, [this](bool) { CAF_CHECK(!join("again")); }));
  service.proven_to = 1;
  CAF_CHECK(line.look());
  service.proven_to = 2;
  CAF_CHECK(!line.look());
  CAF_CHECK_EQUAL(told, names{"again+"});
}

CAF_TEST(beyond a bound nothing is proven) {
  for (size_t n = 0; n < limits::proofs_waiting_max; ++n)
    join("early");
  CAF_CHECK(!join("too many"));
  CAF_CHECK_EQUAL(told, names{"too many-"});
  service.proven_to = limits::proofs_waiting_max;
  CAF_CHECK(!line.look());
  CAF_CHECK_EQUAL(told.size(), limits::proofs_waiting_max + 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
