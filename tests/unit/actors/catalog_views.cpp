// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.catalog_views

#include "actors/catalog_views.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

revision make(std::string name, std::string rev, unix_seconds at, std::string kind = "model") {
  revision x;
  x.id = std::move(name);
  x.rev = std::move(rev);
  x.kind = std::move(kind);
  x.created_at = at;
  x.size_bytes = static_cast<uint64_t>(1000 - at);
  return x;
}

revision hidden(revision x) {
  x.is_private = true;
  return x;
}

revision mirrored(revision x) {
  x.is_mirror = true;
  return x;
}

model_map sample() {
  model_map m;
  m["org/a"] = {make("org/a", "v1", 1), make("org/a", "v2", 5), hidden(make("org/a", "v3", 9))};
  m["org/b"] = {make("org/b", "main", 2), make("org/b", "later", 6)};
  m["single"] = {make("single", "d1", 3, "dataset"), make("single", "m1", 4)};
  m["org/secret"] = {hidden(make("org/secret", "v1", 8))};
  m["hub/m"] = {mirrored(make("hub/m", "c1", 7))};
  return m;
}

std::string resolved(std::string id, std::string name, bool with_private = false,
                     std::string kind = "model") {
  auto reply = resolve(sample(), {{std::move(id), std::move(kind), with_private}, name});
  if (!reply.repository_known)
    return "no repository";
  return reply.revision_known ? reply.what.rev : "no revision";
}

std::string ids(const model_page& page) {
  std::string all;
  for (auto& x : page.models)
    all += x.id + '@' + x.rev + ' ';
  return all + (page.has_more ? "..." : "");
}

browse_models ask_for(model_order order, uint32_t limit = 10) {
  browse_models ask;
  ask.kind = "model";
  ask.order = order;
  ask.limit = limit;
  return ask;
}

} // namespace

CAF_TEST(main is the revision of that name or else the latest) {
  CAF_CHECK_EQUAL(resolved("org/a", "main"), "v2");
  CAF_CHECK_EQUAL(resolved("org/a", "main", true), "v3");
  CAF_CHECK_EQUAL(resolved("org/b", "main"), "main");
  CAF_CHECK_EQUAL(resolved("org/b", "later"), "later");
}

CAF_TEST(a mirror stands for no name but its own) {
  CAF_CHECK_EQUAL(resolved("hub/m", "c1"), "c1");
  CAF_CHECK_EQUAL(resolved("hub/m", "main"), "no repository");
  CAF_CHECK_EQUAL(resolved("hub/m", "c2"), "no repository");
  auto m = sample();
  m["hub/m"].push_back(make("hub/m", "v1", 1));
  auto main = resolve(m, {{"hub/m", "model", false}, "main"});
  CAF_CHECK(main.revision_known);
  CAF_CHECK_EQUAL(main.what.rev, "v1");
  CAF_CHECK(resolve(m, {{"hub/m", "model", false}, "c1"}).what.is_mirror);
  CAF_CHECK_EQUAL(revisions_of(m, {"hub/m", "model", false}).revisions.size(), 1u);
}

CAF_TEST(what the asker may not see is not there) {
  CAF_CHECK_EQUAL(resolved("org/a", "v3"), "no revision");
  CAF_CHECK_EQUAL(resolved("org/a", "v3", true), "v3");
  CAF_CHECK_EQUAL(resolved("org/secret", "v1"), "no repository");
  CAF_CHECK_EQUAL(resolved("org/secret", "v1", true), "v1");
  CAF_CHECK_EQUAL(resolved("org/none", "main"), "no repository");
}

CAF_TEST(models and datasets of one id do not mix) {
  CAF_CHECK_EQUAL(resolved("single", "main"), "m1");
  CAF_CHECK_EQUAL(resolved("single", "main", false, "dataset"), "d1");
  CAF_CHECK_EQUAL(resolved("single", "d1"), "no revision");
  CAF_CHECK_EQUAL(resolved("org/b", "main", false, "dataset"), "no repository");
}

CAF_TEST(revisions come latest first and say which is main) {
  auto list = revisions_of(sample(), {"org/b", "model", false});
  CAF_REQUIRE_EQUAL(list.revisions.size(), 2u);
  CAF_CHECK_EQUAL(list.revisions[0].rev, "later");
  CAF_CHECK_EQUAL(list.revisions[list.main].rev, "main");
  CAF_CHECK_EQUAL(revisions_of(sample(), {"org/a", "model", false}).revisions.size(), 2u);
  CAF_CHECK_EQUAL(revisions_of(sample(), {"org/a", "model", true}).revisions.size(), 3u);
  CAF_CHECK(revisions_of(sample(), {"org/none", "model", true}).revisions.empty());
}

CAF_TEST(main is listed even if too many revisions came after it) {
  model_map m;
  m["x"].push_back(make("x", "main", 0));
  for (size_t i = 1; i < limits::hub_revisions_max + 5; ++i)
    m["x"].push_back(make("x", "r" + std::to_string(i), static_cast<unix_seconds>(i)));
  auto list = revisions_of(m, {"x", "model", false});
  CAF_CHECK_EQUAL(list.revisions.size(), limits::hub_revisions_max);
  CAF_CHECK_EQUAL(list.revisions[list.main].rev, "main");
}

CAF_TEST(models are browsed in every order) {
  auto m = sample();
  CAF_CHECK_EQUAL(ids(browse(m, ask_for(model_order::latest))), "org/a@v2 single@m1 org/b@main ");
  CAF_CHECK_EQUAL(ids(browse(m, ask_for(model_order::oldest))), "org/b@main single@m1 org/a@v2 ");
  CAF_CHECK_EQUAL(ids(browse(m, ask_for(model_order::largest))), "org/b@main single@m1 org/a@v2 ");
  CAF_CHECK_EQUAL(ids(browse(m, ask_for(model_order::smallest))), "org/a@v2 single@m1 org/b@main ");
  CAF_CHECK_EQUAL(ids(browse(m, ask_for(model_order::by_id))), "org/a@v2 org/b@main single@m1 ");
  CAF_CHECK_EQUAL(ids(browse(m, ask_for(model_order::by_id_backwards))),
                  "single@m1 org/b@main org/a@v2 ");
}

CAF_TEST(a page begins where the one before has ended) {
  auto m = sample();
  for (auto order : {model_order::latest, model_order::largest, model_order::by_id,
                     model_order::by_id_backwards}) {
    auto whole = ids(browse(m, ask_for(order)));
    std::string pages;
    auto ask = ask_for(order, 1);
    for (;;) {
      auto page = browse(m, ask);
      CAF_REQUIRE_EQUAL(page.models.size(), 1u);
      pages += page.models[0].id + '@' + page.models[0].rev + ' ';
      if (!page.has_more)
        break;
      ask.after_value = sort_value(order, page.models[0]);
      ask.after_id = page.models[0].id;
    }
    CAF_CHECK_EQUAL(pages, whole);
  }
}

CAF_TEST(models are found by author and by a part of the id) {
  auto m = sample();
  auto ask = ask_for(model_order::by_id);
  ask.author = "org";
  CAF_CHECK_EQUAL(ids(browse(m, ask)), "org/a@v2 org/b@main ");
  ask.author = "or";
  CAF_CHECK_EQUAL(ids(browse(m, ask)), "");
  ask.author.clear();
  ask.search = "NGL";
  CAF_CHECK_EQUAL(ids(browse(m, ask)), "single@m1 ");
  ask.kind = "dataset";
  CAF_CHECK_EQUAL(ids(browse(m, ask)), "single@d1 ");
}

CAF_TEST(private models are browsed by those who may see them) {
  auto ask = ask_for(model_order::by_id);
  ask.with_private = true;
  CAF_CHECK_EQUAL(ids(browse(sample(), ask)), "org/a@v3 org/b@main org/secret@v1 single@m1 ");
}

CAF_TEST(the latest revisions are those of all models) {
  CAF_CHECK_EQUAL(ids(latest_of_all(sample(), {"model", 10, false})),
                  "org/b@later org/a@v2 single@m1 org/b@main org/a@v1 ");
  CAF_CHECK_EQUAL(ids(latest_of_all(sample(), {"model", 2, true})), "org/a@v3 org/secret@v1 ...");
  CAF_CHECK_EQUAL(ids(latest_of_all(sample(), {"space", 2, true})), "");
}
