// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.scrape

#include "protocol/scrape.hpp"

#include "core/limits.hpp"
#include "protocol/percent.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;
using namespace std::literals;

namespace {

const auto hash_a = std::string(20, 'a');
const auto hash_b = std::string(20, '\xb0');
const auto full_a = std::string(32, 'a');

std::string field_of(const std::string& hash) {
  return "info_hash=" + percent_encode(hash) + "&";
}

swarm_hash hash_of(const std::string& raw) {
  return *swarm_hash::decode(percent_encode(raw));
}

std::string numbered_fields(size_t count) {
  std::string raw;
  for (size_t i = 0; i < count; ++i) {
    auto hash = hash_a;
    hash[0] = static_cast<char>(i / 7);
    hash[9] = static_cast<char>(i % 7);
    raw += field_of(hash);
  }
  return raw;
}

} // namespace

CAF_TEST(hashes come sorted and once) {
  auto hashes = parse_scrape(field_of(hash_b) + field_of(hash_a) + field_of(hash_b) + "x=1&"
                             + field_of(full_a));
  CAF_REQUIRE(hashes.has_value());
  CAF_REQUIRE_EQUAL(hashes->size(), 3u);
  CAF_CHECK_EQUAL((*hashes)[0].chars(), hash_a);
  CAF_CHECK_EQUAL((*hashes)[1].chars(), full_a);
  CAF_CHECK_EQUAL((*hashes)[2].chars(), hash_b);
  CAF_CHECK((*hashes)[0].truncated() == (*hashes)[1].truncated());
  CAF_CHECK(!(*hashes)[0].full_v2());
  CAF_CHECK_EQUAL((*hashes)[1].full_v2()->hex(), to_hex(as_bytes(full_a)));
}

CAF_TEST(a hundred hashes are scraped at once and no more) {
  CAF_CHECK_EQUAL(parse_scrape(numbered_fields(limits::scrape_hashes_max))->size(),
                  limits::scrape_hashes_max);
  auto once_more = numbered_fields(limits::scrape_hashes_max) + numbered_fields(50);
  CAF_CHECK_EQUAL(parse_scrape(once_more)->size(), limits::scrape_hashes_max);
  auto refused = parse_scrape(numbered_fields(limits::scrape_hashes_max + 1));
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == ec::too_large);
  CAF_CHECK(refused.error().detail.find("GET string too long") != std::string::npos);
}

CAF_TEST(a scrape of everything is refused) {
  CAF_CHECK(parse_scrape("").error().code == ec::missing_argument);
  CAF_CHECK(parse_scrape("a=1").error().code == ec::missing_argument);
}

CAF_TEST(a reply is sorted byte for byte) {
  std::vector<scrape_entry> entries{
      {hash_of(hash_b), 1, 2, 3, 4},
      {hash_of(full_a)},
      {hash_of(hash_a), 5, 6, 7, 8},
      {hash_of(hash_b), 9, 9, 9, 9},
  };
  std::string out;
  append_scrape_reply(out, entries);
  CAF_CHECK_EQUAL(out, "d5:filesd"
                       "20:"
                           + hash_a
                           + "d8:completei5e10:downloadedi6e11:downloadersi7e10:incompletei8ee"
                             "32:"
                           + full_a
                           + "d8:completei0e10:downloadedi0e11:downloadersi0e10:incompletei0ee"
                             "20:"
                           + hash_b
                           + "d8:completei1e10:downloadedi2e11:downloadersi3e10:incompletei4ee"
                             "ee");
}

CAF_TEST(a reply may ask for patience) {
  std::string out;
  append_scrape_reply(out, {}, 900s);
  CAF_CHECK_EQUAL(out, "d5:filesde5:flagsd20:min_request_intervali900eee");
}
