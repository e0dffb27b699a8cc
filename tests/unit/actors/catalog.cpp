// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.catalog

#include "tests/unit/actors/support/actor_fixture.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

struct fixture : tracker_fixture {
  revision make(std::string name, std::string rev, unix_seconds at, uint8_t manifest = 1) {
    revision x;
    x.id = std::move(name);
    x.rev = std::move(rev);
    x.created_at = at;
    x.manifest = digest(manifest);
    return x;
  }

  void load(const revision& x) {
    CAF_REQUIRE(ask<atom::load>(registry_settings.catalog, atom::load::value, x));
  }

  void clear(const revision& x) {
    CAF_REQUIRE(ask<atom::clear>(registry_settings.catalog, atom::clear::value, x));
  }

  model_list list(const std::string& query, uint32_t limit = 10, uint32_t offset = 0) {
    return must<model_list>(registry_settings.catalog, list_models{query, limit, offset});
  }

  revision known(const std::string& name, const std::string& rev) {
    return must<revision>(registry_settings.catalog, lookup_revision{name, rev});
  }

  result<revision> look_up(const std::string& name, const std::string& rev) {
    return ask<revision>(registry_settings.catalog, lookup_revision{name, rev});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(catalog_tests, fixture)

CAF_TEST(a list names the latest revision of each model) {
  load(make("org/Bert", "r2", 20));
  load(make("org/Bert", "r1", 10));
  load(make("org/other", "r1", 5));
  auto all = list("");
  CAF_CHECK_EQUAL(all.total, 2u);
  CAF_REQUIRE_EQUAL(all.models.size(), 2u);
  CAF_CHECK_EQUAL(all.models.front().rev, "r2");
  CAF_CHECK(list("bErT").total == 1u);
  CAF_CHECK(list("nothing").total == 0u);
  auto page = list("", 1, 1);
  CAF_CHECK_EQUAL(page.total, 2u);
  CAF_REQUIRE_EQUAL(page.models.size(), 1u);
  CAF_CHECK_EQUAL(page.models.front().id, "org/other");
}

CAF_TEST(an empty revision means the latest) {
  load(make("org/m", "r1", 10));
  load(make("org/m", "r2", 20));
  CAF_CHECK(known("org/m", "").rev == "r2");
  CAF_CHECK(known("org/m", "r1").rev == "r1");
  CAF_CHECK(!look_up("org/m", "r3"));
  CAF_CHECK(!look_up("org/x", ""));
  clear(make("org/m", "r2", 20));
  CAF_CHECK(known("org/m", "").rev == "r1");
}

CAF_TEST(a mirror is the latest only where nobody has published) {
  auto mirror = make("org/m", "c1", 30);
  mirror.is_mirror = true;
  load(mirror);
  CAF_CHECK(known("org/m", "").rev == "c1");
  CAF_CHECK(list("").models.front().rev == "c1");
  CAF_CHECK(list("").models.front().is_mirror);
  load(make("org/m", "r1", 10));
  CAF_CHECK(known("org/m", "").rev == "r1");
  CAF_CHECK(list("").models.front().rev == "r1");
  CAF_CHECK(known("org/m", "c1").rev == "c1");
}

CAF_TEST(a private revision is known to those who name it) {
  auto secret = make("org/m", "r2", 20);
  secret.is_private = true;
  load(secret);
  CAF_CHECK(list("").total == 0u);
  CAF_CHECK(look_up("org/m", "r2"));
  load(make("org/m", "r1", 10));
  auto open = list("");
  CAF_REQUIRE_EQUAL(open.models.size(), 1u);
  CAF_CHECK_EQUAL(open.models.front().rev, "r1");
}

CAF_TEST(news of a removal that come late do not remove what was published since) {
  load(make("org/m", "r1", 10, 1));
  load(make("org/m", "r1", 20, 2));
  clear(make("org/m", "r1", 10, 1));
  CAF_CHECK(known("org/m", "r1").manifest == digest(2));
}

CAF_TEST(a catalog that starts again reads the refs) {
  publish_revision wanted;
  wanted.entry = hybrid(2, 1);
  wanted.entry.model_ref = "org/m@r1";
  wanted.what = make("org/m", "r1", 0);
  wanted.what.kind = "model";
  wanted.what.entry_key = wanted.entry.hashes.primary_key();
  auto& owner = registry_of(wanted.entry.hashes.primary_swarm());
  CAF_REQUIRE(ask<registry_entry>(owner, wanted));
  kill(registry_settings.catalog);
  registry_settings.catalog = track(sys.spawn<catalog>(store.get()));
  auto back = look_up("org/m", "");
  CAF_REQUIRE(back);
  CAF_CHECK_EQUAL(back->rev, "r1");
  CAF_CHECK_EQUAL(back->entry_key, wanted.what.entry_key);
}

CAF_TEST_FIXTURE_SCOPE_END()
