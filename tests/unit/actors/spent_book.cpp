// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.spent_book

#include "actors/spent_book.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

#include <map>

using namespace shoal;

namespace {

std::map<uint64_t, uint64_t> sums(const link_spent& told) {
  std::map<uint64_t, uint64_t> all;
  for (auto& x : told)
    all[x.who] += x.bytes;
  return all;
}

} // namespace

CAF_TEST(what was fetched is told once) {
  spent_book book;
  CAF_CHECK(book.take().empty());
  book.note(1, 100);
  book.note(2, 7);
  book.note(1, 20);
  CAF_CHECK((sums(book.take()) == std::map<uint64_t, uint64_t>{{1, 120}, {2, 7}}));
  CAF_CHECK(book.take().empty());
  book.note(1, 5);
  CAF_CHECK((sums(book.take()) == std::map<uint64_t, uint64_t>{{1, 5}}));
}

CAF_TEST(many are told in several messages and too many are left out) {
  spent_book book;
  for (uint64_t who = 0; who < limits::spent_principals_max + 5; ++who)
    book.note(who, 1);
  book.note(0, 1); // Whoever is in it stays in it.
  size_t told = 0;
  uint64_t bytes = 0;
  for (auto some = book.take(); !some.empty(); some = book.take()) {
    CAF_CHECK_LESS_OR_EQUAL(some.size(), limits::link_spent_max);
    told += some.size();
    for (auto& x : some)
      bytes += x.bytes;
  }
  CAF_CHECK_EQUAL(told, limits::spent_principals_max);
  CAF_CHECK_EQUAL(bytes, limits::spent_principals_max + 1);
}

CAF_TEST(what others tell goes to whoever counts it) {
  spent_book book;
  book.hear({{1, 10}}); // Nobody yet.
  link_spent heard;
  book.count_with([&](const link_spent& x) { heard = x; });
  book.hear({{1, 10}});
  CAF_CHECK((heard == link_spent{{1, 10}}));
}
