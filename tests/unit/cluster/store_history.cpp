// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cluster/support/store_conformance.hpp"

#include <algorithm>
#include <map>
#include <random>

namespace shoal::test {

using namespace coordination;

namespace {

/// The same in a few lines: what a store is at its core.
class plain_map {
public:
  explicit plain_map(uint64_t revision) : revision_{revision} {}

  transaction_result commit(const transaction& what) {
    transaction_result made;
    made.succeeded
        = std::all_of(what.when.begin(), what.when.end(), [&](auto& each) { return holds(each); });
    if (made.succeeded)
      write(what);
    else
      for (auto& key : what.on_failure)
        made.read.push_back(find(key));
    made.revision = revision_;
    return made;
  }

  const std::map<std::string, key_value>& keys() const { return keys_; }
  const std::vector<recorder::change>& changes() const { return changes_; }
  uint64_t revision() const { return revision_; }

private:
  std::optional<key_value> find(const std::string& key) const {
    auto found = keys_.find(key);
    return found == keys_.end() ? std::nullopt : std::optional{found->second};
  }

  bool holds(const condition& each) const {
    auto kv = find(each.key).value_or(key_value{});
    switch (each.of) {
    case condition::what::mod_revision:
      return kv.mod_revision == each.equals;
    case condition::what::create_revision:
      return kv.create_revision == each.equals;
    default:
      return static_cast<uint64_t>(kv.lease) == each.equals;
    }
  }

  void write(const transaction& what) {
    recorder::change made{revision_ + 1, {}};
    for (auto& each : what.then) {
      auto before = find(each.key);
      if (each.value) {
        auto created = before ? before->create_revision : made.revision;
        key_value kv{each.key, *each.value, created, made.revision, each.lease};
        keys_[each.key] = kv;
        made.events.push_back({false, kv});
      } else if (before) {
        keys_.erase(each.key);
        made.events.push_back({true, {each.key, {}, 0, made.revision, 0}});
      }
    }
    if (made.events.empty())
      return;
    revision_ = made.revision;
    changes_.push_back(std::move(made));
  }

  std::map<std::string, key_value> keys_;
  std::vector<recorder::change> changes_;
  uint64_t revision_;
};

/// Makes transactions of which about half succeed.
class dice {
public:
  dice(unsigned seed, lease_id lease) : random_{seed}, lease_{lease} {}

  transaction roll(const plain_map& now) {
    transaction made;
    for (unsigned i = below(3); i > 0; --i)
      made.when.push_back(some_condition(now));
    for (int i = 0; i < 6; ++i) {
      if (below(3) == 0)
        made.on_failure.push_back(key(i));
      if (below(3) == 0)
        made.then.push_back(some_operation(i));
    }
    return made;
  }

  /// What another history may have left.
  static transaction erase_all() {
    transaction made;
    for (int i = 0; i < 6; ++i)
      made.then.push_back({key(i), std::nullopt, 0});
    return made;
  }

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

private:
  static std::string key(unsigned i) { return "history/" + std::to_string(i); }
  static std::string key(int i) { return key(static_cast<unsigned>(i)); }

  condition some_condition(const plain_map& now) {
    condition made{key(below(6)), static_cast<condition::what>(below(3)), 0};
    auto found = now.keys().find(made.key);
    if (found != now.keys().end() && below(4) != 0) {
      auto& kv = found->second;
      made.equals = made.of == condition::what::mod_revision      ? kv.mod_revision
                    : made.of == condition::what::create_revision ? kv.create_revision
                                                                  : uint64_t(kv.lease);
    }
    return made;
  }

  operation some_operation(int i) {
    if (below(3) == 0)
      return {key(i), std::nullopt, 0};
    return {key(i), std::to_string(random_()), below(2) == 0 ? lease_ : 0};
  }

  std::mt19937 random_;
  lease_id lease_;
};

bool same(const std::vector<recorder::change>& told, const std::vector<recorder::change>& made) {
  return std::equal(told.begin(), told.end(), made.begin(), made.end(), [](auto& a, auto& b) {
    return a.revision == b.revision
           && std::equal(a.events.begin(), a.events.end(), b.events.begin(), b.events.end(),
                         [](auto& x, auto& y) { return x.erased == y.erased && x.kv == y.kv; });
  });
}

bool same(const transaction_result& a, const transaction_result& b) {
  return a.succeeded == b.succeeded && a.revision == b.revision && a.read == b.read;
}

} // namespace

void store_conformance::history(unsigned seed) {
  CAF_MESSAGE("seed " << seed);
  dice random{seed, grant(60)};
  plain_map model{commit(random.erase_all()).value().revision};
  auto began = model.revision();
  recorder seen;
  auto held = engine.follow("history/", prefix_end("history/"), began + 1, seen);
  for (int i = 0; i < 200; ++i) {
    auto what = random.roll(model);
    auto got = commit(what);
    CAF_REQUIRE(got);
    CAF_REQUIRE(same(*got, model.commit(what)));
    if (random.below(10) != 0)
      continue;
    auto page = read(all_of("history/"));
    CAF_REQUIRE(page);
    CAF_REQUIRE(page->revision == model.revision());
    CAF_REQUIRE(std::equal(page->keys.begin(), page->keys.end(), model.keys().begin(),
                           model.keys().end(), [](auto& a, auto& b) { return a == b.second; }));
  }
  CAF_CHECK(model.changes().size() > 30);
  until([&] { return seen.events().size() >= model.changes().size() || seen.ended(); });
  CAF_CHECK(same(seen.events(), model.changes()));
  CAF_MESSAGE("and again from its middle");
  auto middle = model.changes().begin() + 20;
  recorder later;
  auto again = engine.follow("history/", prefix_end("history/"), middle->revision, later);
  auto left = std::vector(middle, model.changes().end());
  until([&] { return later.events().size() >= left.size() || later.ended(); });
  CAF_CHECK(same(later.events(), left));
}

} // namespace shoal::test
