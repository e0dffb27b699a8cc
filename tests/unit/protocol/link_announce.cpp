// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.link_announce

#include "protocol/link_announce.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdlib>
#include <random>

using namespace shoal;

namespace {

constexpr uint64_t int63_max = std::numeric_limits<int64_t>::max();

uint64_t seed_of_run() {
  if (auto text = std::getenv("SHOAL_TEST_SEED"))
    return std::strtoull(text, nullptr, 10);
  return std::random_device{}();
}

struct generator {
  std::mt19937_64 random;

  uint64_t below(uint64_t n) { return random() % n; }

  /// Numbers of all lengths.
  uint64_t number(uint64_t max) { return std::min(random() >> below(64), max); }

  template <class Id>
  Id id() {
    Id x;
    for (auto& byte : x.bytes)
      byte = static_cast<uint8_t>(random());
    return x;
  }

  endpoint peer() {
    endpoint x;
    if (below(2) == 0) {
      x.address = ip_address::v4({uint8_t(random()), uint8_t(random()), 3, 4});
    } else {
      x.address = ip_address::v6({0x26, uint8_t(random()), uint8_t(random()), 3, 4, 5, 6, 7, 8, 9,
                                  10, 11, 12, 13, 14, 15});
    }
    x.port = static_cast<uint16_t>(random());
    return x;
  }

  /// @param user outlives the announce.
  link_announce announce(const std::string& user) {
    link_announce x;
    x.swarm = id<info_hash>();
    x.peer = peer();
    x.whole_id = below(2) == 0;
    x.id = id<peer_id>();
    if (!x.whole_id)
      std::fill(x.id.bytes.begin() + 8, x.id.bytes.end(), uint8_t{0});
    x.identity = random();
    x.left_bytes = number(int63_max);
    x.event = announce_event(below(uint64_t(announce_event::announce_event_sentinel_)));
    x.numwant = static_cast<uint32_t>(number(limits::numwant_max));
    x.with_ids = below(2) == 0;
    x.own_family_only = below(2) == 0;
    if (below(2) == 0) {
      x.user = std::string_view{user}.substr(0, 1 + below(limits::user_id_bytes_max));
      x.uploaded_bytes = number(int63_max);
      x.downloaded_bytes = number(int63_max);
    }
    return x;
  }

  /// @param text outlives the answer.
  link_answer answer(const std::string& text) {
    link_answer x;
    x.ticket = static_cast<uint32_t>(random());
    x.verdict = link_verdict(below(uint64_t(link_verdict::link_verdict_sentinel_)));
    if (x.verdict != link_verdict::answered)
      return x;
    x.interval_s = static_cast<uint32_t>(number(UINT32_MAX));
    x.complete = static_cast<uint32_t>(number(UINT32_MAX));
    x.incomplete = static_cast<uint32_t>(number(UINT32_MAX));
    x.downloaded = number(UINT64_MAX);
    auto n4 = number(limits::numwant_max);
    auto n6 = number(limits::numwant_max);
    x.peers4 = std::string_view{text}.substr(0, n4 * 6);
    x.peers6 = std::string_view{text}.substr(0, n6 * 18);
    if (below(3) == 0)
      x.ids = std::string_view{text}.substr(0, (n4 + n6) * 20);
    return x;
  }
};

template <class Reader, class Item>
std::vector<Item> read_all(Reader in, Item) {
  std::vector<Item> all;
  Item x;
  while (in.next(x))
    all.push_back(x);
  CAF_CHECK(in.good());
  return all;
}

/// Whether the reader takes all of the body.
template <class Reader, class Item>
bool reads(std::string_view body, Item x) {
  Reader in{body};
  while (in.next(x)) {
  }
  return in.good();
}

} // namespace

CAF_TEST(announces come back as they were sent) {
  auto seed = seed_of_run();
  CAF_MESSAGE("SHOAL_TEST_SEED=" << seed);
  generator draw{std::mt19937_64{seed}};
  std::string user(limits::user_id_bytes_max, 'u');
  for (int round = 0; round < 300; ++round) {
    auto first = static_cast<uint32_t>(draw.random());
    auto forwarded = draw.below(2) == 0;
    std::string body;
    link_announce_writer out{body, first, forwarded};
    std::vector<link_announce> sent(draw.below(20));
    for (auto& x : sent) {
      x = draw.announce(user);
      x.ticket = first + static_cast<uint32_t>(out.size());
      CAF_REQUIRE(out.add(x) == x.ticket);
    }
    link_announce_reader in{body};
    CAF_CHECK_EQUAL(in.forwarded(), forwarded);
    CAF_CHECK(read_all(in, link_announce{}) == sent);
  }
}

CAF_TEST(a truncated batch of announces is never taken for a whole one) {
  generator draw{std::mt19937_64{1}};
  std::string user(limits::user_id_bytes_max, 'u');
  std::string body;
  link_announce_writer out{body, 7, false};
  std::vector<size_t> ends{body.size()};
  for (int i = 0; i < 8; ++i) {
    CAF_REQUIRE(out.add(draw.announce(user)));
    ends.push_back(body.size());
  }
  for (size_t n = 0; n < body.size(); ++n) {
    auto whole = std::find(ends.begin(), ends.end(), n) != ends.end();
    CAF_CHECK_EQUAL(reads<link_announce_reader>(body.substr(0, n), link_announce{}), whole);
  }
}

CAF_TEST(an announce of a seed takes 45 bytes) {
  link_announce x;
  x.peer = {ip_address::v4({1, 2, 3, 4}), 6881};
  x.numwant = 50;
  std::string body;
  link_announce_writer out{body, 1, false};
  auto before = body.size();
  CAF_REQUIRE(out.add(x));
  CAF_CHECK_EQUAL(body.size() - before, 45u);
}

CAF_TEST(a batch of announces is bounded) {
  link_announce x;
  std::string body;
  link_announce_writer out{body, UINT32_MAX, false};
  size_t added = 0;
  while (out.add(x))
    ++added;
  CAF_CHECK_EQUAL(added, link_announces_max);
  CAF_CHECK(body.size() <= link_body_bytes_max);
  CAF_CHECK_EQUAL(read_all(link_announce_reader{body}, x).size(), added);
  body += body.substr(5);
  CAF_CHECK(!reads<link_announce_reader>(body, x));
}

CAF_TEST(odd announces are refused) {
  std::string body;
  link_announce_writer out{body, 1, false};
  link_announce x;
  x.user = "u";
  CAF_REQUIRE(out.add(x));
  CAF_CHECK(reads<link_announce_reader>(body, x));
  auto with = [&](size_t at, char c) {
    auto changed = body;
    changed[at] = c;
    return reads<link_announce_reader>(changed, x);
  };
  CAF_MESSAGE("an unknown flag of the batch, an unknown event");
  CAF_CHECK(!with(0, 2));
  CAF_CHECK(!with(5, char(body[5] | 7)));
  CAF_MESSAGE("a user without a name, and one that is too long");
  CAF_CHECK(!with(body.size() - 4, 0));
  CAF_CHECK(!with(body.size() - 4, char(0xff)));
}

CAF_TEST(answers come back as they were sent) {
  auto seed = seed_of_run();
  CAF_MESSAGE("SHOAL_TEST_SEED=" << seed);
  generator draw{std::mt19937_64{seed}};
  std::string text(40'000, 'x');
  for (auto& c : text)
    c = static_cast<char>(draw.random());
  for (int round = 0; round < 300; ++round) {
    std::string body;
    std::vector<link_answer> sent(draw.below(20));
    std::vector<size_t> ends{0};
    for (auto& x : sent) {
      x = draw.answer(text);
      append_link_answer(body, x);
      ends.push_back(body.size());
    }
    CAF_REQUIRE(read_all(link_answer_reader{body}, link_answer{}) == sent);
    auto cut = draw.below(body.size() + 1);
    auto whole = std::find(ends.begin(), ends.end(), cut) != ends.end();
    CAF_CHECK_EQUAL(reads<link_answer_reader>(body.substr(0, cut), link_answer{}), whole);
  }
}

CAF_TEST(ids that are not one for each peer are left out) {
  std::string peers(12, 'p');
  std::string ids(39, 'i');
  std::string body;
  append_link_answer(body, {1, link_verdict::answered, 1, 2, 3, 4, peers, {}, ids});
  auto back = read_all(link_answer_reader{body}, link_answer{});
  CAF_REQUIRE_EQUAL(back.size(), 1u);
  CAF_CHECK(back[0].ids.empty());
  CAF_CHECK_EQUAL(back[0].peers4, peers);
}

CAF_TEST(scrapes and their answers come back as they were sent) {
  auto seed = seed_of_run();
  CAF_MESSAGE("SHOAL_TEST_SEED=" << seed);
  generator draw{std::mt19937_64{seed}};
  for (int round = 0; round < 100; ++round) {
    std::string asked;
    std::string answered;
    std::vector<std::vector<info_hash>> hashes(1 + draw.below(5));
    std::vector<link_scrape_answer> answers;
    for (uint32_t i = 0; i < hashes.size(); ++i) {
      hashes[i].resize(1 + draw.below(limits::scrape_hashes_max));
      link_scrape_answer answer{i, {}};
      for (auto& hash : hashes[i]) {
        hash = draw.id<info_hash>();
        auto small = [&] { return static_cast<uint32_t>(draw.number(UINT32_MAX)); };
        answer.numbers.push_back({small(), small(), small(), draw.number(UINT64_MAX)});
      }
      append_link_scrape(asked, {i, hashes[i]});
      append_link_scrape_answer(answered, answer);
      answers.push_back(std::move(answer));
    }
    auto back = read_all(link_scrape_reader{asked}, link_scraped{});
    CAF_REQUIRE_EQUAL(back.size(), hashes.size());
    for (size_t i = 0; i < back.size(); ++i)
      CAF_CHECK(back[i].ticket == i && back[i].swarms == hashes[i]);
    CAF_CHECK(read_all(link_scrape_answer_reader{answered}, link_scrape_answer{}) == answers);
    asked.pop_back();
    answered.pop_back();
    CAF_CHECK(!reads<link_scrape_reader>(asked, link_scraped{}));
    CAF_CHECK(!reads<link_scrape_answer_reader>(answered, link_scrape_answer{}));
  }
}

CAF_TEST(numbers are read as they are written and no longer) {
  for (uint64_t x : {uint64_t{0}, uint64_t{127}, uint64_t{128}, int63_max, UINT64_MAX}) {
    std::string text;
    append_packed(text, packed_number_bytes_max, [&](packed_writer& w) { w.number(x); });
    packed_reader in{text};
    CAF_CHECK_EQUAL(in.number(), x);
    CAF_CHECK(in.good() && in.left() == 0);
    packed_reader cut{std::string_view{text}.substr(0, text.size() - 1)};
    CAF_CHECK_EQUAL(cut.number(), 0u);
    CAF_CHECK(!cut.good());
  }
  for (auto text : {std::string(9, '\xff') + '\x02', std::string(11, '\x80'), std::string{}}) {
    packed_reader in{text};
    CAF_CHECK_EQUAL(in.number(), 0u);
    CAF_CHECK(!in.good());
  }
}
